//! A table of the page, with a caption, marked headers, and a scroll bar on a small screen.

use crate::commands::terminal;
use maud::{Markup, html};
use std::borrow::Cow;

/// A column's header.
#[derive(Debug, Clone, Copy)]
pub(super) enum Head {
    Text(&'static str),
    /// The header of a column that is aligned to the right.
    Number(&'static str),
}

/// A text of the data, in which characters that could mislead a reader are made visible.
///
/// Marks that change the direction of writing are an example. The template escapes HTML.
pub(super) fn said(text: &str) -> Cow<'_, str> {
    terminal::on_one_line(text)
}

/// A text whose dates are not broken at their hyphens in a narrow column.
pub(super) fn words(text: &str) -> Markup {
    let is_day = |word: &str| {
        word.len() == 10 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    };
    html! {
        @for (position, word) in text.split(' ').enumerate() {
            @if position > 0 { " " }
            @if is_day(word) { span.day { (word) } } @else { (said(word)) }
        }
    }
}

/// A table in which the first cell of each row is the row's header.
pub(super) fn table(caption: &str, head: &[Head], rows: &[Vec<String>]) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label=(caption) {
            table {
                caption { span { (caption) } }
                thead { tr { @for one in head { (header(*one)) } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (position, cell) in row.iter().enumerate() {
                                @if position == 0 {
                                    th scope="row" { (words(cell)) }
                                } @else if matches!(head.get(position), Some(Head::Number(_))) {
                                    td.number { (said(cell)) }
                                } @else {
                                    td { (words(cell)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn header(head: Head) -> Markup {
    html! {
        @match head {
            Head::Text(text) => th scope="col" { (text) },
            Head::Number(text) => th.number scope="col" { (text) },
        }
    }
}
