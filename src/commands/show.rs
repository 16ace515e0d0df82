//! Formats tables and text for people.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The screen columns that a table needs for each of its columns, in addition to the text.
///
/// They are a space at either side, and one between two columns.
pub(super) const ROOM: usize = 3;
/// The width below which a text is not cut.
const LEAST: usize = 8;

/// A table with a header; its columns are as wide as their cells.
pub(super) fn table<S: AsRef<str>>(header: &[S]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header.iter().map(AsRef::as_ref));
    table
}

/// Aligns a column of numbers to the right.
pub(super) fn right(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

/// The columns of the screen that a text needs for its longest line.
pub(super) fn width(text: &str) -> usize {
    text.lines().map(UnicodeWidthStr::width).max().unwrap_or_default()
}

/// The width of each column of a table; columns that do not fit are missing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fit(Vec<usize>);

impl Fit {
    /// All columns with their full width.
    pub(super) fn whole(columns: usize) -> Fit {
        Fit(vec![usize::MAX; columns])
    }

    /// The number of columns that are shown.
    pub(super) fn columns(&self) -> usize {
        self.0.len()
    }

    /// The headings of the shown columns, not cut, on several lines if necessary.
    pub(super) fn heads(&self, names: &[&str]) -> Vec<String> {
        names.iter().zip(&self.0).map(|(name, most)| head(name, *most)).collect()
    }

    /// The cells of the shown columns, each cut to the width of its column.
    pub(super) fn cut(&self, cells: &[&str]) -> Vec<String> {
        cells.iter().zip(&self.0).map(|(text, most)| cut(text, *most)).collect()
    }
}

/// The pieces of a heading; a line may end between two of them.
fn pieces(name: &str) -> impl Iterator<Item = &str> {
    name.split_inclusive(['_', ' '])
}

/// A heading wrapped at a width; lines end after underscores and spaces, if that is enough.
fn head(name: &str, most: usize) -> String {
    if most == usize::MAX || width(name) <= most {
        return name.to_owned();
    }
    let (mut lines, mut taken) = (String::new(), 0);
    for piece in pieces(name) {
        if taken > 0 && taken + piece.width() > most {
            lines.push('\n');
            taken = 0;
        }
        lines.push_str(piece);
        taken += piece.width();
    }
    fill(&lines, most)
}

/// Fits columns into a screen; `cells` has the width of each column's widest cell.
///
/// First the headings are wrapped, then long texts are cut, the longest first. Numbers are never cut, since
/// half a number is a wrong one. If that is not enough, the last columns are left out.
pub(super) fn fit(headings: &[&str], cells: &[usize], is_number: &[bool], screen: usize) -> Fit {
    // The first column has a border before it; nothing follows the last column.
    let screen = screen.saturating_sub(1);
    let whole = |column: usize| {
        cells[column].max(pieces(headings[column]).map(width).max().unwrap_or_default())
    };
    let least = |column: usize| match is_number[column] {
        true => whole(column),
        false => whole(column).min(LEAST),
    };
    let mut shown = headings.len();
    let needed = |shown: usize| (0..shown).map(|column| least(column) + ROOM).sum::<usize>();
    while shown > 1 && needed(shown) > screen {
        shown -= 1;
    }
    let mut widths: Vec<usize> =
        (0..shown).map(|column| cells[column].max(width(headings[column]))).collect();
    let total = |widths: &[usize]| widths.iter().map(|width| width + ROOM).sum::<usize>();
    for limit in [&whole as &dyn Fn(usize) -> usize, &least] {
        while total(&widths) > screen {
            let can_shrink = (0..shown).filter(|column| widths[*column] > limit(*column));
            let Some(widest) = can_shrink.max_by_key(|column| widths[*column]) else { break };
            widths[widest] -= 1;
        }
    }
    Fit(widths)
}

/// A text cut to a width; an ellipsis shows that it goes on.
pub(super) fn cut(text: &str, most: usize) -> String {
    if most == usize::MAX {
        return text.to_owned();
    }
    let line = text.lines().next().unwrap_or_default();
    if line.len() == text.len() && line.width() <= most {
        return line.to_owned();
    }
    let mut shown = String::new();
    let mut taken = 1;
    for c in line.chars() {
        taken += c.width().unwrap_or_default();
        if taken > most {
            break;
        }
        shown.push(c);
    }
    shown.push('…');
    shown
}

/// Fits these cells into a screen; `None` stands for a file or a pipe, where everything is shown.
pub(super) fn fit_cells(
    header: &[&str],
    rows: &[Vec<String>],
    is_number: &[bool],
    screen: Option<usize>,
) -> Fit {
    let Some(screen) = screen else { return Fit::whole(header.len()) };
    let widest = |column: usize| rows.iter().map(|row| width(&row[column])).max();
    let cells: Vec<usize> =
        (0..header.len()).map(|column| widest(column).unwrap_or_default()).collect();
    fit(header, &cells, is_number, screen)
}

/// Wraps a text at a width; further lines are indented.
///
/// A word that is longer than a line stays whole. So does a command between backticks that fits into a
/// line. Both may be there to be copied.
pub(super) fn wrap(text: &str, most: usize, indent: usize) -> String {
    let indent = indent.min(most / 2);
    let mut wrapped = String::new();
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            wrapped.push('\n');
        }
        let start = line.len() - line.trim_start().len();
        wrapped.push_str(&line[..start]);
        let (mut taken, mut is_first) = (start, true);
        for word in words(&line[start..], most.saturating_sub(indent)) {
            let wide = word.width();
            if !is_first && taken + 1 + wide > most {
                wrapped.push('\n');
                wrapped.extend(std::iter::repeat_n(' ', indent));
                taken = indent;
            } else if !is_first {
                wrapped.push(' ');
                taken += 1;
            }
            wrapped.push_str(word);
            taken += wide;
            is_first = false;
        }
    }
    wrapped
}

/// The words of a line. A command between backticks counts as one word if it fits into `most` columns.
fn words(line: &str, most: usize) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        let first = rest.find(' ').unwrap_or(rest.len());
        let is_open = |text: &str| text.matches('`').count() % 2 == 1;
        let command = is_open(&rest[..first]).then(|| {
            let tick = rest[first..].find('`')? + first;
            let end = rest[tick..].find(' ').map_or(rest.len(), |space| tick + space);
            (!is_open(&rest[..end]) && rest[..end].width() <= most).then_some(end)
        });
        let end = command.flatten().unwrap_or(first);
        words.push(&rest[..end]);
        match rest.get(end + 1..) {
            Some(more) => rest = more,
            None => return words,
        }
    }
}

/// Wraps a text at a width that must not be exceeded: long words are broken, too.
pub(super) fn fill(text: &str, most: usize) -> String {
    let most = most.max(1);
    let mut filled = String::new();
    for (number, line) in wrap(text, most, 0).lines().enumerate() {
        if number > 0 {
            filled.push('\n');
        }
        let mut taken = 0;
        for c in line.chars() {
            let wide = c.width().unwrap_or_default();
            if taken + wide > most && taken > 0 {
                filled.push('\n');
                taken = 0;
            }
            filled.push(c);
            taken += wide;
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_the_longest_first_and_numbers_are_not() {
        let is_number = [false, true, false];
        let fit = |cells: &[usize], is_number: &[bool], screen| {
            fit(&vec!["h"; cells.len()], cells, is_number, screen)
        };
        assert_eq!(fit(&[10, 12, 20], &is_number, 80), Fit(vec![10, 12, 20]));
        assert_eq!(fit(&[10, 12, 60], &is_number, 40), Fit(vec![9, 12, 9]));
        assert_eq!(fit(&[10, 30, 60], &is_number, 30), Fit(vec![10]));
        assert_eq!(fit(&[5, 60, 60], &[false; 3], 51), Fit(vec![5, 18, 18]));
        assert_eq!(fit(&[90], &[true], 20), Fit(vec![90]));
    }

    #[test]
    fn a_heading_takes_more_lines_before_a_cell_is_cut_or_a_column_goes() {
        let headings = ["member_liability_amount", "provider_name"];
        let fits = fit(&headings, &[6, 20], &[true, false], 40);
        assert_eq!(fits, Fit(vec![13, 20]));
        assert_eq!(fits.heads(&headings), ["member_\nliability_\namount", "provider_name"]);
        assert_eq!(
            fits.cut(&["113.20", "Lakeside Family Care"]),
            ["113.20", "Lakeside Family Care"]
        );
        // On a narrower screen the text is cut, the number is not.
        assert_eq!(fit(&headings, &[6, 20], &[true, false], 27), Fit(vec![10, 10]));
        assert_eq!(head("explanationofbenefit", 8), "explanat\nionofben\nefit");
    }

    #[test]
    fn lines_break_between_words_and_words_stay_whole() {
        assert_eq!(wrap("one two three four", 9, 2), "one two\n  three\n  four");
        assert_eq!(wrap("  one two", 6, 4), "  one\n   two");
        assert_eq!(wrap("a https://plan.example/r4 b", 10, 0), "a\nhttps://plan.example/r4\nb");
        assert_eq!(wrap("one two", usize::MAX, 2), "one two");
        assert_eq!(wrap("one\ntwo", 80, 2), "one\ntwo");
        assert_eq!(wrap("", 80, 2), "");
        assert_eq!(wrap("run `a b c` now", 9, 2), "run\n  `a b c`\n  now");
        assert_eq!(wrap("run `a b c d` now", 6, 0), "run `a\nb c d`\nnow");
        assert_eq!(wrap("a ` b", 4, 0), "a `\nb");
    }

    #[test]
    fn a_cell_is_filled_to_its_width_and_loses_nothing() {
        assert_eq!(fill("one two three", 7), "one two\nthree");
        assert_eq!(fill("getReferenceKey(Patient)", 10), "getReferen\nceKey(Pati\nent)");
        assert_eq!(fill("a 東京都 b", 4), "a\n東京\n都\nb");
        assert_eq!(fill("", 4), "");
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("Anna Kowalska", 8), "Anna Ko…");
        assert_eq!(cut("Anna", 8), "Anna");
        assert_eq!(cut("two\nlines", 8), "two…");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("two\nlines", usize::MAX), "two\nlines");
    }
}
