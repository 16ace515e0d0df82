//! Faults that change a Bundle before it is written.

use super::{Asking, old_cursor, speak_of_another_patient};
use crate::sandbox::{
    faults::fault::Fault,
    members::{entry, json::Json},
    server::{
        bundle::{Bundle, Entry},
        record::Record,
        resource_text::{append_member, make_older, remove, replace, respell},
    },
};
use chrono::{DateTime, Duration, SecondsFormat};

/// Dates that make a careless program overflow.
const EXTREME_DATES: [&str; 7] = [
    "-262143-01-01",
    "+262142-12-31",
    "-262143-01-01T00:00:00Z",
    "9999-12-31T23:59:60-14:00",
    "0001-01-01T00:00:00+14:00",
    "2016-12-31T24:00:00Z",
    "",
];

/// Lets every active fault change the Bundle, in the order of the table.
pub(in crate::sandbox) fn change_page(asking: &Asking<'_>, bundle: &mut Bundle) {
    for fault in asking.faults() {
        everywhere(asking, fault, bundle);
        if asking.is_claims_page(3) {
            page_three(asking, fault, bundle);
        }
    }
}

fn everywhere(asking: &Asking<'_>, fault: Fault, bundle: &mut Bundle) {
    old_cursor::mark(asking, fault, bundle);
    match fault {
        Fault::CursorExpired if asking.begins_walk() => {
            if let Some(next) = &mut bundle.next {
                next.push_str(&format!("&_walk={}", asking.state.walks(asking.number)));
            }
        }
        Fault::WrongTotal if asking.of_claims() => {
            bundle.total = bundle.total.map(|total| 2 * total + 9);
        }
        Fault::ExtremeTotal if asking.of_claims() => bundle.total = Some(1 << 63),
        Fault::TotalRises if asking.of_claims() => {
            bundle.total = bundle.total.map(|total| total + asking.state.next_read());
        }
        Fault::TokenCircle if asking.of_claims() => {
            if asking.page.number >= 3 {
                bundle.next = bundle.prior.clone();
            }
            let token = asking.state.next_read();
            change_next(bundle, |next| format!("{next}&_ct={token}"));
        }
        Fault::RestampedCircle if asking.is_deep() => {
            let token = asking.state.next_read();
            let here = bundle.self_url.as_deref().and_then(|here| here.split("&_ct=").next());
            bundle.next = here.map(|here| format!("{here}&_ct={token}"));
            each_resource(bundle, |text| churn(text, token));
        }
        Fault::NoTotal => bundle.total = None,
        Fault::LastBeyond if asking.of_claims() => bundle.total = None,
        Fault::NoType => bundle.kind = None,
        Fault::SelfMismatch => {
            let base = format!("{}/r4/{}", asking.state.origin, asking.search.entry.name);
            bundle.self_url = Some(format!("{base}?patient=Patient%2Fsomebody-else&_count=1"));
        }
        Fault::OutcomeEntry => {
            let words = r#""severity":"information","code":"informational""#;
            bundle.entries.insert(0, outcome_entry(words));
        }
        Fault::NoLastUpdated => {
            each_resource(bundle, |text| remove(text, ",\"lastUpdated\":\"", "\""));
        }
        Fault::VersionChurn => {
            let read = asking.state.next_read();
            each_resource(bundle, |text| churn(text, read));
        }
        Fault::SecondPatient if asking.search.entry.name == "Patient" => {
            bundle.entries.push(of_another(asking));
            bundle.total = bundle.total.map(|total| total + 1);
        }
        Fault::MergedRecord => {
            for entry in &mut bundle.entries {
                for text in entry.resource.iter_mut().chain(&mut entry.full_url) {
                    speak_of_another_patient(asking.state, asking.number, text);
                }
            }
        }
        Fault::Respelt => {
            let read = asking.state.next_read();
            each_resource(bundle, |text| respell(text, read));
        }
        _ => {}
    }
}

fn page_three(asking: &Asking<'_>, fault: Fault, bundle: &mut Bundle) {
    let record = &asking.page.record;
    let base = format!("{}/r4/ExplanationOfBenefit", asking.state.origin);
    match fault {
        Fault::EmptyPageWithNext if asking.search.pairs.get("_hop").is_none() => {
            bundle.entries.clear();
            bundle.next = bundle.self_url.as_ref().map(|here| format!("{here}&_hop=1"));
        }
        Fault::NextLost | Fault::TextTotal => bundle.next = None,
        Fault::LastBeyond => {
            bundle.next = None;
            let last = Json::from(&format!("{base}?_skip=30"));
            bundle.link = Some(format!(r#"[{{"relation":"last","url":{last}}}]"#));
        }
        Fault::NextElsewhere => change_next(bundle, |next| next.replacen("/r4/", "/elsewhere/", 1)),
        Fault::EndEmpty => {
            bundle.entries.clear();
            (bundle.next, bundle.total) = (None, bundle.total.map(|_| 0));
        }
        Fault::NextOtherType => {
            change_next(bundle, |next| next.replacen("/ExplanationOfBenefit?", "/Coverage?", 1))
        }
        Fault::NextPassword => {
            change_next(bundle, |next| next.replacen("//", "//member:password@", 1));
        }
        Fault::NextLoop => bundle.next = bundle.prior.clone(),
        Fault::NextSelf => bundle.next = bundle.self_url.clone(),
        Fault::NextForeignOrigin => change_next(bundle, |next| {
            next.replacen(&asking.state.origin, &asking.state.foreign_origin, 1)
        }),
        Fault::NextRelative => change_next(bundle, |next| {
            next.replacen(&format!("{}/r4/", asking.state.origin), "", 1)
        }),
        Fault::NextWithoutScheme => change_next(bundle, |next| next.replacen("http://", "", 1)),
        Fault::NextLong => change_next(bundle, |next| format!("{next}&_ct={}", "A".repeat(3000))),
        Fault::NextCaseChanged => change_next(bundle, |next| next.replacen("/r4/", "/R4/", 1)),
        fault if change_links(fault, bundle) => {}
        Fault::DuplicateEntry => {
            if let Some(first) = bundle.entries.first().cloned() {
                bundle.entries.insert(1, first);
            }
        }
        Fault::DuplicateAcrossPages => {
            if let Some(index) = asking.page.last_of_prior {
                let again = Entry::matching(&base, &record.id(index), record.text(index));
                bundle.entries.insert(0, again);
            }
        }
        Fault::ErrorEntry => {
            let words = r#""severity":"error","code":"incomplete""#;
            bundle.entries.push(outcome_entry(words));
        }
        Fault::IncludeEntry => bundle.entries.extend(patient_entry(asking)),
        Fault::ExtremeDates => {
            let mut dates = EXTREME_DATES.iter().cycle();
            let mut next = || dates.next().copied().unwrap_or_default();
            bundle.entries.iter_mut().filter_map(|entry| entry.resource.as_mut()).for_each(
                |text| {
                    replace(text, "\"lastUpdated\":\"", "\"", next());
                },
            );
        }
        Fault::BadDate => first_resource(bundle, |text| {
            replace(text, "\"created\":\"", "\"", "not a date");
            replace(
                text,
                "\"billablePeriod\":{",
                "}",
                "\"start\":\"2021-02-30\",\"end\":\"0000-00-00\"",
            );
        }),
        Fault::MissingId => {
            first_resource(bundle, |text| remove(text, "\"id\":\"", "\","));
            if let Some(entry) = first_match(bundle) {
                entry.full_url = None;
            }
        }
        Fault::WrongTypeEntry => {
            let basic = r#"{"resourceType":"Basic","id":"basic-1","code":{"text":"stray"}}"#;
            bundle.entries.push(Entry::matching(&base, "basic-1", basic.to_string()));
        }
        Fault::NullEntry => {
            let mut without = Entry::matching(&base, "nothing", String::new());
            without.resource = None;
            bundle.entries.push(without);
            bundle.entries.push(Entry::matching(&base, "null", "null".to_string()));
        }
        Fault::ForeignSubject | Fault::SecondPatient => bundle.entries.push(of_another(asking)),
        Fault::DeepNesting => first_resource(bundle, |text| {
            let (open, close) = ("{\"url\":\"x\",\"extension\":[", "]}");
            let nested = format!("{}{}", open.repeat(400), close.repeat(400));
            append_member(text, &format!("\"extension\":[{nested}]"));
        }),
        Fault::OlderDuplicate => {
            if let Some(mut again) = bundle.entries.first().cloned() {
                again.resource.as_mut().into_iter().for_each(make_older);
                bundle.entries.insert(1, again);
            }
        }
        Fault::OlderAcrossPages => {
            if let Some(index) = asking.page.last_of_prior {
                let mut text = record.text(index);
                make_older(&mut text);
                bundle.entries.insert(0, Entry::matching(&base, &record.id(index), text));
            }
        }
        Fault::LaggingReplica => first_resource(bundle, make_older),
        Fault::ControlCharacter => first_resource(bundle, |text| {
            append_member(text, "\"implicitRules\":\"a\tb\"");
        }),
        Fault::NotANumber => first_resource(bundle, |text| append_member(text, "\"x\":NaN")),
        Fault::LeadingZero => first_resource(bundle, |text| append_member(text, "\"x\":01")),
        Fault::TrailingComma => first_resource(bundle, |text| {
            text.pop();
            text.push_str(",}");
        }),
        Fault::StrayQuote => first_resource(bundle, |text| {
            append_member(text, "\"implicitRules\":\"6\" tall\"");
        }),
        Fault::LoneSurrogate => first_resource(bundle, |text| {
            append_member(text, "\"implicitRules\":\"\\ud800\"");
        }),
        Fault::DuplicateKey => first_resource(bundle, |text| {
            append_member(text, "\"status\":\"entered-in-error\"");
        }),
        _ => {}
    }
}

/// Writes invalid links; returns false if the fault does not concern links.
fn change_links(fault: Fault, bundle: &mut Bundle) -> bool {
    let Some(next) = &bundle.next else { return false };
    let url = Json::from(next);
    let path = next.find("/r4/").map_or(next.as_str(), |at| &next[at..]);
    let link = match fault {
        Fault::NextUpperCase => format!(r#"[{{"relation":"NEXT","url":{url}}}]"#),
        Fault::NextUri => {
            let relation =
                "http://www.iana.org/assignments/link-relations/link-relations.xhtml#next";
            format!(r#"[{{"relation":"{relation}","url":{url}}}]"#)
        }
        Fault::NextTwice => format!(
            r#"[{{"relation":"next","url":{url}}},{{"relation":"next","url":{}}}]"#,
            Json::from(path)
        ),
        Fault::NextInHeader => "[]".to_string(),
        Fault::NextObject => format!(r#"{{"relation":"next","url":{url}}}"#),
        Fault::NextAmbiguous => format!(
            r#"[{{"relation":"next","url":{url}}},{{"relation":"next","url":{}}}]"#,
            Json::from(&format!("{next}&_other=1"))
        ),
        Fault::NextEmpty => r#"[{"relation":"next","url":""}]"#.to_string(),
        Fault::NextNull => r#"[{"relation":"next","url":null}]"#.to_string(),
        Fault::NextWithoutUrl => r#"[{"relation":"next"}]"#.to_string(),
        Fault::LinkNull => "null".to_string(),
        _ => return false,
    };
    bundle.link = Some(link);
    true
}

fn change_next(bundle: &mut Bundle, change: impl Fn(&str) -> String) {
    bundle.next = bundle.next.as_deref().map(change);
}

/// An entry with an OperationOutcome; `words` are the members of its issue.
fn outcome_entry(words: &str) -> Entry {
    let outcome = format!(
        r#"{{"resourceType":"OperationOutcome","issue":[{{{words},"details":{{"text":"Some results may be missing"}}}}]}}"#
    );
    Entry { full_url: None, mode: "outcome", resource: Some(outcome) }
}

/// The first resource that the same search would find for the next member.
fn of_another(asking: &Asking<'_>) -> Entry {
    let other = Record::new(asking.state, asking.number + 1, asking.search.entry);
    let base = format!("{}/r4/{}", asking.state.origin, asking.search.entry.name);
    Entry::matching(&base, &other.id(0), other.text(0))
}

fn patient_entry(asking: &Asking<'_>) -> Option<Entry> {
    let patient = Record::new(asking.state, asking.number, entry("Patient")?);
    let base = format!("{}/r4/Patient", asking.state.origin);
    let matching = Entry::matching(&base, &patient.id(0), patient.text(0));
    Some(Entry { mode: "include", ..matching })
}

fn each_resource(bundle: &mut Bundle, change: impl Fn(&mut String)) {
    bundle.entries.iter_mut().filter_map(|entry| entry.resource.as_mut()).for_each(change);
}

fn first_match(bundle: &mut Bundle) -> Option<&mut Entry> {
    bundle.entries.iter_mut().find(|entry| entry.mode == "match")
}

fn first_resource(bundle: &mut Bundle, change: impl Fn(&mut String)) {
    first_match(bundle).and_then(|entry| entry.resource.as_mut()).into_iter().for_each(change);
}

/// Sets a later version and date, if the resource has them.
fn churn(text: &mut String, read: u64) {
    let moment = DateTime::UNIX_EPOCH + Duration::days(20_500) + Duration::seconds(read as i64);
    replace(text, "\"versionId\":\"", "\"", &format!("{}", 9_100_000_000_000 + read));
    let moment = moment.to_rfc3339_opts(SecondsFormat::Millis, true);
    replace(text, "\"lastUpdated\":\"", "\"", &moment);
}
