//! The outcome of a comparison as a table: medians of all rounds, and how many times better ours are.

use crate::measure::{Better, Figure, Report, short};
use std::fmt::Write;

/// A table in Markdown of the peer's reports and ours, which have the same figures.
pub fn compare(peer: &[Report], ours: &[Report]) -> String {
    let (Some(first), Some(other)) = (ours.first(), peer.first()) else { return String::new() };
    let mut out = format!(
        "{} ({}, {} rounds)\n\n| | {} | {} | times better |\n|---|---|---|---|\n",
        first.what,
        first.setting,
        ours.len(),
        other.server,
        first.server
    );
    for figure in &first.figures {
        let (theirs, our) = (values(peer, figure), values(ours, figure));
        let ratio = match figure.better {
            Better::More => median(&our) / median(&theirs),
            Better::Less => median(&theirs) / median(&our),
        };
        // Writing to a string cannot fail.
        let _ =
            writeln!(out, "| {} | {} | {} | {} |", figure.name, spread(&theirs), spread(&our), short(ratio));
    }
    out
}

/// The values of one figure in all reports, ascending.
fn values(reports: &[Report], figure: &Figure) -> Vec<f64> {
    let all = reports.iter().flat_map(|report| &report.figures);
    let mut values: Vec<f64> =
        all.filter(|other| other.name == figure.name).map(|other| other.value).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        (at(middle.saturating_sub(1)) + at(middle)) / 2.0
    } else {
        at(middle)
    }
}

/// The median, with the least and the greatest where there are several.
fn spread(sorted: &[f64]) -> String {
    match (sorted.first(), sorted.last()) {
        (Some(least), Some(most)) if sorted.len() > 1 => {
            format!("{} ({}–{})", short(median(sorted)), short(*least), short(*most))
        }
        _ => short(median(sorted)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports(server: &str, rates: &[f64]) -> Vec<Report> {
        let report = |rate: &f64| {
            let mut report = Report::new("smtp", server, "few".into());
            report.add("messages/s", *rate, Better::More);
            report.add("p99 ms", 100.0 / rate, Better::Less);
            report
        };
        rates.iter().map(report).collect()
    }

    #[test]
    fn shows_medians_and_ratios() {
        let table = compare(&reports("Peer", &[10.0, 30.0, 20.0]), &reports("Ours", &[50.0, 30.0]));
        let expected = "smtp (few, 2 rounds)\n\n| | Peer | Ours | times better |\n|---|---|---|---|\n\
            | messages/s | 20.0 (10.0–30.0) | 40.0 (30.0–50.0) | 2.00 |\n\
            | p99 ms | 5.00 (3.33–10.0) | 2.67 (2.00–3.33) | 1.87 |\n";
        assert_eq!(table, expected);
    }
}
