//! What a person can do about a request that was not answered with data.

use crate::{fhir::FetchError, outcome::Reason, warehouse::ConnectionRow};

/// What a person can do about an error; `None` if its reason says it already.
pub(super) fn hint(error: &FetchError, connection: &ConnectionRow) -> Option<String> {
    if let Some(hint) = error.hint() {
        return Some(hint);
    }
    let (name, plan) = (&connection.name, connection.plan_name());
    let connect = format!("payersync connect {name} --plan {plan}");
    Some(match error.reason() {
        Reason::ConsentNeeded => format!("`{connect}`"),
        Reason::Unauthorized => {
            format!("the plan refuses the token for this request; if the member withdrew consent, `{connect}`")
        }
        Reason::Forbidden => format!(
            "the plan may refuse requests from outside the US, or the consent may not cover it; `{connect}` asks anew"
        ),
        Reason::Blocked => {
            "a gateway in front of the plan answered with a web page, as firewalls do if requests come too fast \
             or from outside the US; the next run asks again; if it stays so, lower requests_per_second of the \
             plan, or tell the plan; if the plan does not list the type, leave it out of `types`, or set \
             \"read\" for it in `search` in the plan's section"
                .to_owned()
        }
        Reason::StillLoading => {
            "the plan is still loading the member's data; sync again in some minutes".to_owned()
        }
        Reason::Throttled => "lower requests_per_second or requests_per_hour of the plan".to_owned(),
        Reason::NotJson | Reason::NotASearchset | Reason::UnexpectedStatus => {
            "check the plan's fhir_url; if it is right, the plan is at fault and the next run asks again".to_owned()
        }
        Reason::Refused => {
            let words = match error.server_message() {
                Some(_) => "; sync_walk.server_message has the plan's own words",
                None => "",
            };
            // Flexpa's documents have 422 for data that it could not load.
            let not_loaded = match error.status() {
                Some(422) => format!(
                    "if every type ends so, the plan could not load the member's data, and `{connect}` \
                     lets it try again; "
                ),
                _ => String::new(),
            };
            format!(
                "{not_loaded}if the plan wants more in the search of this type, such as a category, add a rule for it to \
                 `search` in the plan's section; if the plan does not serve the type, leave it out of \
                 `types`{words}"
            )
        }
        Reason::OperationOutcome if error.server_message().is_some() => {
            "the next run asks again; if it stays so, tell the plan: sync_walk.server_message has its \
             own words"
                .to_owned()
        }
        _ => return None,
    })
}
