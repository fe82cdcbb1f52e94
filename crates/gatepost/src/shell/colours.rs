//! Colours of what is being typed, from the grammar's own tokens.

use admin::grammar::{TokenKind, tokens};
use reedline::{Color, DefaultHinter, Highlighter, Reedline, StyledText};

/// Whether the terminal shows colours, and the person wants them (<https://no-color.org>).
pub fn are_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The editor with colours, and with the rest of the last line in the history that began like this one.
pub fn with_colours(editor: Reedline) -> Reedline {
    let hinter = DefaultHinter::default().with_style(Color::DarkGray.normal());
    if !are_wanted() {
        return editor.with_ansi_colors(false);
    }
    editor.with_highlighter(Box::new(Tokens)).with_hinter(Box::new(hinter))
}

struct Tokens;

impl Highlighter for Tokens {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let mut styled = StyledText::new();
        let mut at = 0;
        let mut push = |from: usize, to: usize, colour: Color| {
            let piece = line.get(from..to).unwrap_or_default().to_owned();
            if !piece.is_empty() {
                styled.push((colour.normal(), piece));
            }
        };
        for token in tokens(line).list {
            push(at, token.span.start, Color::Default);
            let written = line.get(token.span.start..token.span.end).unwrap_or_default();
            push(token.span.start, token.span.end, colour(token.kind, written));
            at = token.span.end;
        }
        push(at, line.len(), Color::Default);
        styled
    }
}

/// The colour of a token. A cmdlet that does not exist is seen before Enter.
fn colour(kind: TokenKind, written: &str) -> Color {
    match kind {
        TokenKind::Command if admin::is_cmdlet(written) => Color::LightYellow,
        TokenKind::Command => Color::LightRed,
        TokenKind::Keyword => Color::LightGreen,
        TokenKind::Parameter | TokenKind::Operator => Color::LightGray,
        TokenKind::Text | TokenKind::OpenText => Color::Cyan,
        TokenKind::Variable => Color::LightGreen,
        TokenKind::Number => Color::LightMagenta,
        TokenKind::Comment => Color::Green,
        TokenKind::Word
        | TokenKind::Member
        | TokenKind::Open
        | TokenKind::Close
        | TokenKind::Pipe
        | TokenKind::End
        | TokenKind::Comma => Color::Default,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_leave_the_text_as_it_is() {
        for line in ["", "Get-Mailbox 'é", "  Get-X -Y $z | ft  # why", "foreach ($a in 1..3) {\n $a }"] {
            assert_eq!(Tokens.highlight(line, 0).raw_string(), line);
        }
        assert_eq!(colour(TokenKind::Command, "get-mailbox"), Color::LightYellow);
        assert_eq!(colour(TokenKind::Command, "Get-Weather"), Color::LightRed);
    }
}
