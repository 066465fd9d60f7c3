//! A list for people: columns under their headings.

use stepless_core::clock::Timestamp;

/// The rows, each with one cell a heading, in columns that are as wide as their widest cell.
pub(super) fn columns<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(headings.get(column).map(|heading| heading.len())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |cells: [&str; N]| {
        let padded = cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    let rows = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    std::iter::once(line(headings)).chain(rows).collect()
}

/// A text from the store as one cell: whoever wrote it, it moves no cursor.
pub(super) fn cell(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// An instant for people; nobody needs its fractions.
pub(super) fn seconds(instant: Timestamp) -> String {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_under_their_headings() {
        let rows = [
            ["1".to_owned(), "née".to_owned(), String::new()],
            ["100".to_owned(), "b".to_owned(), "c".to_owned()],
        ];

        assert_eq!(columns(["id", "name", "x"], &rows), "id   name  x\n1    née\n100  b     c\n");
    }

    #[test]
    fn a_cell_moves_no_cursor() {
        assert_eq!(cell("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
    }
}
