//! The messages that are sent: text of a given size, each with its own Message-ID.

/// A message of about this many octets, lines ended by CRLF, none of them beginning with a dot.
pub fn message(number: u32, size: usize, to: &str) -> Vec<u8> {
    let mut text = format!(
        "From: Bench <bench@example.test>\r\nTo: <{to}>\r\nSubject: Message {number} of a measurement\r\n\
         Date: Mon, 03 Mar 2025 10:00:00 +0100\r\nMessage-ID: <{number}.bench@example.test>\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    )
    .into_bytes();
    let mut state = number.wrapping_mul(2_654_435_761) | 1;
    while text.len() < size {
        line(&mut text, &mut state);
    }
    text
}

/// A line of words. A disk or file system that compresses must not find the same line again and again.
fn line(text: &mut Vec<u8>, state: &mut u32) {
    let end = text.len() + 70;
    while text.len() < end {
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        let length = 2 + *state % 7;
        for at in 0..length {
            let letter = (*state >> (at * 4)) & 15;
            text.push(b'a' + u8::try_from(letter).unwrap_or(0));
        }
        text.push(b' ');
    }
    text.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_size_and_no_dots() {
        let message = message(7, 4_096, "a@b.test");
        assert!((4_096..4_200).contains(&message.len()), "{}", message.len());
        assert!(message.ends_with(b"\r\n") && !message.windows(3).any(|three| three == b"\r\n."));
    }
}
