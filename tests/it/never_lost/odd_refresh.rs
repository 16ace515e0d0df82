//! A refresh that is refused, lost or answered oddly: the exit code, and that a spent token is never
//! sent again.

use crate::support::{Answer, Home, Payer, SHORT_SYNC, Tampered};

const SYNC_PATIENT: [&str; 3] = ["sync", "--type", "Patient"];
const CONNECT: &str = "`payersync connect john --plan demo`";

fn tampered() -> (Tampered, Home) {
    let tampered = Tampered::new(Payer::rich());
    let home = tampered.connected_home("");
    (tampered, home)
}

/// The exit code of `sync` and of `status` after it, and what `sync` said.
fn sync(home: &Home, arguments: &[&str]) -> (i32, i32, String) {
    let outcome = home.run(arguments);
    (outcome.code, home.run(&["status"]).code, format!("{}{}", outcome.stdout, outcome.stderr))
}

/// Runs twice: the member must consent again, and the token is sent once.
#[track_caller]
fn assert_consent_needed(tampered: &Tampered, home: &Home, answer: Answer, reason: &str) {
    let when = format!("{answer:?}");
    let home = home.copy();
    tampered.answer_refresh(answer);
    tampered.take_refreshes();
    for arguments in [&SYNC_PATIENT[..], &SHORT_SYNC] {
        let outcome = home.run(arguments);
        assert_eq!(outcome.code, 3, "{when}: {}", outcome.stderr);
        let is_told = outcome.stderr.contains(reason) && outcome.stderr.contains(CONNECT);
        assert!(is_told, "{when}: {}", outcome.stderr);
    }
    assert_eq!(home.run(&["status"]).code, 3, "{when}");
    assert_eq!(tampered.take_refreshes(), 1, "{when}: a refused token was sent again");
}

#[test]
fn a_refusal_in_whatever_words_asks_for_consent_and_is_not_asked_for_again() {
    let (tampered, home) = tampered();
    tampered.payer.expire_access_tokens();
    let outcome = r#"{"resourceType":"OperationOutcome","issue":[{"code":"security"}]}"#;
    for (status, body, reason) in [
        (400, r#"{"error":"invalid_grant"}"#, "invalid_grant"),
        (400, r#"{"error":"invalid_request","error_description":"no"}"#, "invalid_request"),
        (401, r#"{"error":"invalid_token"}"#, "invalid_token"),
        (400, r#"{"error":"expired_token"}"#, "expired_token"),
        (403, r#"{"error":"access_denied"}"#, "access_denied"),
        (400, r#"{"errorCode":"INVALID_REFRESH_TOKEN"}"#, "invalid_refresh_token"),
        (400, r#"{"error":{"code":"expired_token"}}"#, "expired_token"),
        (400, r#"["no"]"#, "refresh_refused_with_400"),
        (400, "The refresh token is expired", "refresh_refused_with_400"),
        (403, "<html><body>No</body></html>", "refresh_refused_with_403"),
        (422, outcome, "refresh_refused_with_422"),
        (410, "", "refresh_refused_with_410"),
    ] {
        assert_consent_needed(&tampered, &home, Answer::new(status, body), reason);
    }
    tampered.be_honest();
    home.succeed(&SYNC_PATIENT, "the plan refused copies of this home");
}

#[test]
fn an_unusable_answer_never_has_the_spent_token_sent_again() {
    let (tampered, home) = tampered();
    tampered.payer.expire_access_tokens();
    let good = r#"{"access_token":"a","token_type":"Bearer","refresh_token":"r","scope":"openid"}"#;
    let leading_to = |to: &str| vec![("location", to.to_owned())];
    for answer in [
        Answer::new(200, good.replace("Bearer", "mac")),
        Answer::new(200, &good.as_bytes()[..40]),
        Answer { cut_at: Some(40), ..Answer::new(200, good) },
        Answer::new(200, good.replace("access_token", "token")),
        Answer::new(200, "<html>Sign in</html>"),
        Answer::new(200, ""),
        Answer::new(204, ""),
        Answer { headers: vec![("content-encoding", "br".to_owned())], ..Answer::new(200, good) },
        Answer { headers: leading_to("/login"), ..Answer::new(302, "") },
        Answer { headers: leading_to("/token"), ..Answer::new(307, good) },
    ] {
        assert_consent_needed(&tampered, &home, answer, "refresh_answer_unusable");
    }
}

#[test]
fn a_token_endpoint_that_is_down_is_an_unreachable_plan_and_costs_no_consent() {
    let (tampered, home) = tampered();
    home.succeed(&["sync"], "the consent");
    tampered.payer.expire_access_tokens();
    for answer in [
        Answer::new(500, r#"{"error":"invalid_grant"}"#),
        Answer::new(503, "<html>"),
        Answer::new(521, ""),
        Answer::new(429, r#"{"error":"invalid_request"}"#),
        Answer::new(408, ""),
        Answer::new(425, ""),
        Answer::new(400, r#"{"error":"temporarily_unavailable"}"#),
        Answer::lost(),
        Answer { cut_at: Some(1), ..Answer::new(502, "<html>") },
    ] {
        let when = format!("{answer:?}");
        tampered.answer_refresh(answer);
        for arguments in [&SYNC_PATIENT[..], &["sync"]] {
            let (code, status, said) = sync(&home, arguments);
            assert_eq!((code, status), (4, 4), "{when}: {said}");
            assert!(said.contains("hint: "), "{when}: {said}");
        }
    }
    tampered.be_honest();
    home.succeed(&["sync"], "the endpoint is back");
}

#[test]
fn a_plan_that_is_not_there_at_all_is_unreachable_for_one_type_as_for_all() {
    let payer = Payer::rich();
    let home = payer.connected_home();
    payer.expire_access_tokens();
    drop(payer);
    for arguments in [&SYNC_PATIENT[..], &["sync"]] {
        let (code, status, said) = sync(&home, arguments);
        assert_eq!((code, status), (4, 4), "{said}");
    }
}

#[test]
fn a_refused_client_is_a_matter_of_the_configuration_and_costs_no_consent() {
    let (tampered, home) = tampered();
    tampered.payer.expire_access_tokens();
    for (status, body) in [
        (400, r#"{"error":"invalid_client"}"#),
        (401, r#"{"error":"Invalid client","error_description":"unknown"}"#),
        (400, r#"{"error":"unauthorized_client"}"#),
        (400, r#"{"error":"unsupported_grant_type"}"#),
        (401, r#"{"message":"Unauthorized"}"#),
        (401, ""),
    ] {
        tampered.answer_refresh(Answer::new(status, body));
        for arguments in [&SYNC_PATIENT[..], &SHORT_SYNC] {
            let (code, status, said) = sync(&home, arguments);
            assert_eq!((code, status), (1, 1), "{body}: {said}");
            assert!(said.contains("client_id") && !said.contains(CONNECT), "{body}: {said}");
        }
    }
    tampered.be_honest();
    home.succeed(&SYNC_PATIENT, "the client is accepted again");
}

#[test]
fn an_odd_answer_keeps_the_refresh_token_that_came_with_it() {
    let (tampered, home) = tampered();
    let replaced = |from: &'static str, to: &'static str| {
        move |answer: Answer| {
            let text = answer.text();
            assert!(text.contains(from), "{text}");
            Answer { body: text.replace(from, to).into(), ..answer }
        }
    };
    let lifetime = "\"expires_in\":7199";
    for (from, to) in [
        ("{\"access_token", "\u{feff}{\"access_token"),
        (lifetime, "\"expires_in\":-1"),
        (lifetime, "\"expires_in\":0"),
        (lifetime, "\"expires_in\":1e308"),
        (lifetime, "\"expires_in\":1e400"),
        (lifetime, "\"expires_in\":9223372036854775808"),
        (lifetime, "\"expires_in\":7199.25"),
        (lifetime, "\"expires_in\":\"7199\""),
        (lifetime, "\"expires_in\":\"soon\""),
        (lifetime, "\"expires_in\":[{}]"),
        (lifetime, "\"more\":{\"than\":[\"\\ud800\"]}"),
        ("\"scope\":\"", "\"scope\":[],\"_\":\""),
        ("\"token_type\":\"Bearer\"", "\"token_type\":\"BEARER\""),
        ("\"token_type\":\"Bearer\",", ""),
        ("\"token_type\":\"Bearer\"", "\"patient\":{\"id\":1}"),
    ] {
        tampered.payer.expire_access_tokens();
        tampered.twist_refresh(replaced(from, to));
        tampered.take_refreshes();
        home.succeed(&SHORT_SYNC, to);
        assert_eq!(tampered.take_refreshes(), 1, "{to}");
    }
    // The last of the tokens that rotated is the one that is stored.
    tampered.payer.expire_access_tokens();
    home.succeed(&["sync"], "all of them");
}

#[test]
fn a_grant_that_is_gone_is_understood_in_any_shape() {
    let (tampered, home) = tampered();
    let issue = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"not-found",
        "details":{"text":"Data Access Grant was Not Found"}}]}"#;
    for (status, body) in [
        (404, "Data Access Grant was Not Found"),
        (404, "data access grant was not found\n"),
        (403, r#"{"detail":"DATA ACCESS GRANT WAS NOT FOUND."}"#),
        (404, r#"{"errors":[{"title":"Data access grant was\nnot found"}]}"#),
        (401, "<html><h1>Data Access Grant was Not Found</h1></html>"),
        (200, issue),
    ] {
        tampered.twist(move |asked, answer| match asked.target.contains("/Patient") {
            true => Answer::new(status, body),
            false => answer,
        });
        let (code, status, said) = sync(&home, &SYNC_PATIENT);
        assert_eq!((code, status), (3, 3), "{body}: {said}");
        assert!(said.contains(CONNECT), "{body}: {said}");
    }
    tampered.be_honest();
    home.succeed(&SYNC_PATIENT, "the grant is back");
}

#[test]
fn a_name_in_a_refusal_is_in_no_log_and_no_detail() {
    const NAME: &str = "Xaviera";
    let (tampered, home) = tampered();
    tampered.payer.expire_access_tokens();
    for (status, body) in [
        (400, r#"{"error":"invalid_request","error_description":"Xaviera withdrew"}"#),
        (400, r#"{"error":"invalid_client","error_description":"not for Xaviera"}"#),
        (400, r#"{"error":"invalid_scope","error_description":"Xaviera"}"#),
        (400, r#"{"error":"Xaviera"}"#),
        (400, r#"{"error":"Xaviera Quill"}"#),
        (503, r#"{"error":"temporarily_unavailable","error_description":"none for Xaviera"}"#),
    ] {
        tampered.answer_refresh(Answer::new(status, body));
        let home = home.copy();
        let synced = home.run(&["--log", "trace", "sync", "--type", "Patient"]);
        let shown = home.run(&["status"]);
        let said = [synced.stderr, shown.stdout, shown.stderr].concat();
        assert!(!said.contains(NAME) && !said.contains("xaviera"), "{body}: {said}");
        let details =
            "SELECT group_concat(coalesce(detail, '') || coalesce(reason, '')) FROM sync_walk";
        let details: String = home.value(details);
        assert!(!details.to_lowercase().contains("xaviera"), "{body}: {details}");
    }
}
