//! The HTML of the consent page, which works without JavaScript.
//!
//! All text from outside is escaped here.

use crate::sandbox::{pairs::Pairs, server::outcome};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;background:#f3f5f8;color:#1c2733;margin:0}
main{max-width:26rem;margin:8vh auto;background:#fff;padding:2rem;border-radius:10px;box-shadow:0 1px 8px #0002}
h1{font-size:1.25rem;margin-top:0}label{display:block;margin:.8rem 0}
input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.45rem;border:1px solid #98a6b5;border-radius:5px}
button{font:inherit;background:#0b5cad;color:#fff;border:0;border-radius:5px;padding:.6rem 1.2rem;margin-top:.6rem;cursor:pointer}
.error{background:#fdecea;border-left:4px solid #b3261e;padding:.5rem .8rem}.note{color:#5a6b7c;font-size:.9rem}";

/// The fields of the form: name, label, and the demo member's answer.
const FIELDS: [(&str, &str, &str); 5] = [
    ("first_name", "First name", "John"),
    ("last_name", "Last name", "Allen"),
    ("birth_date", "Date of birth (MM/DD/YYYY)", "10/19/1950"),
    ("member_id", "Member ID", "123456789123"),
    ("zip", "ZIP code", "02114"),
];

/// The first page: an application asks for the member's data.
pub(super) fn welcome(pairs: &Pairs) -> Response {
    let body = format!(
        "<h1>Sandbox Health Plan</h1><p>An application asks to read your health plan data.</p>
<form method=\"get\">{}<input type=\"hidden\" name=\"step\" value=\"identity\">
<button type=\"submit\">Click here to confirm identity</button></form>",
        hidden(pairs)
    );
    page(StatusCode::OK, &body)
}

/// The second page: the identity form, with the error of the last attempt.
pub(crate) fn identity(status: StatusCode, pairs: &Pairs, error: Option<&str>) -> Response {
    let error = error.map(|text| format!("<p class=\"error\" role=\"alert\">{text}</p>"));
    let fields: String = FIELDS
        .iter()
        .map(|(name, label, example)| {
            format!(
                "<label>{label}<input name=\"{name}\" value=\"{}\" placeholder=\"{example}\" required></label>",
                escape(pairs.get(name).unwrap_or_default())
            )
        })
        .collect();
    let body = format!(
        "<h1>Confirm your identity</h1>{}<form method=\"post\" action=\"?\">{}{fields}
<button type=\"submit\">Verify identity</button></form>
<p class=\"note\">The demo member: John / Allen / 10/19/1950 / 123456789123 / 02114</p>",
        error.unwrap_or_default(),
        hidden(pairs),
    );
    page(status, &body)
}

pub(crate) fn error(status: StatusCode, message: &str) -> Response {
    page(status, &format!("<h1>This request cannot be answered</h1><p>{}</p>", escape(message)))
}

fn page(status: StatusCode, body: &str) -> Response {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">
<title>Sandbox Health Plan</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    );
    let mut response = outcome::body(status, "text/html; charset=utf-8", html);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The authorization request as hidden fields of the form.
fn hidden(pairs: &Pairs) -> String {
    let shown = |name: &str| name == "step" || FIELDS.iter().any(|(field, ..)| *field == name);
    pairs
        .iter()
        .filter(|(name, _)| !shown(name))
        .map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
        })
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_from_outside_is_escaped() {
        let fields = hidden(&Pairs::parse("state=%22%3E%3Cscript%3E"));
        assert!(fields.contains("&quot;&gt;&lt;script&gt;"), "{fields}");
    }
}
