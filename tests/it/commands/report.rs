//! `report`: one page whose values are those of the marts, that runs nothing and asks nobody.

use crate::{
    files::import::{bundle, import, member, put},
    marts::mart_spellings::claim as claim_with,
    support::Home,
};
use serde_json::json;
use std::{collections::BTreeSet, fs};

fn page(home: &Home, arguments: &[&str]) -> String {
    let file = home.file("report.html");
    let outcome = home.run(&[&["report", file.to_str().unwrap()], arguments].concat());
    assert_eq!((outcome.code, &*outcome.stdout), (0, ""), "{}", outcome.stderr);
    fs::read_to_string(file).unwrap()
}

/// As the page writes cents.
fn amount(cents: i64) -> String {
    let (units, cents) = (cents / 100, cents % 100);
    let mut digits = units.to_string();
    let mut at = digits.len();
    while at > 3 {
        at -= 3;
        digits.insert(at, ',');
    }
    format!("{digits}.{cents:02}")
}

#[test]
fn the_sums_of_every_member_are_those_of_the_marts() {
    let home = Home::of_demo();
    let html = page(&home, &[]);
    let members = home.rows("SELECT DISTINCT member_id, member_name FROM member");
    assert!(members.len() > 1);
    for member in &members {
        let [id, name] = member.as_slice() else { panic!("{member:?}") };
        assert!(html.contains(&format!("<small>{id}</small>")), "{id} in the contents");
        let name = name.replace('&', "&amp;");
        let (_, section) = html.split_once(&format!("-name\">{name}</h2>")).unwrap();
        let section = section.split("<article").next().unwrap();
        let one =
            |sql: &str| home.warehouse().query_row(sql, [id], |row| row.get::<_, i64>(0)).unwrap();
        for sql in [
            "SELECT sum(plan_paid_cents) FROM claim_current WHERE member_id = ?1",
            "SELECT sum(member_cost_share_cents) FROM claim_current WHERE member_id = ?1",
            "SELECT sum(plan_paid_cents) FROM spend_by_month WHERE member_id = ?1
               AND substr(month_date, 1, 4) = (SELECT max(substr(month_date, 1, 4)) FROM spend_by_month
                 WHERE member_id = ?1)",
            "SELECT used_cents FROM accumulator WHERE member_id = ?1 ORDER BY used_cents DESC LIMIT 1",
            "SELECT submitted_cents FROM claim_line WHERE member_id = ?1 AND claim_is_current = 1
               ORDER BY submitted_cents DESC LIMIT 1",
        ] {
            assert!(section.contains(&amount(one(sql))), "{id}: {sql} = {}", amount(one(sql)));
        }
        let claims = one("SELECT count(*) FROM claim_current WHERE member_id = ?1");
        assert_eq!(section.matches("<details class=\"claim\">").count() as i64, claims, "{id}");
        let gap = "SELECT coalesce(max(gap_days), 0) FROM medication_gap WHERE member_id = ?1";
        assert!(one(gap) == 0 || section.contains(&format!("({} day", one(gap))), "{id}");
    }
    // One member alone has no trace of another.
    let one = page(&home, &["--member", &members[0][0]]);
    assert!(one.contains(&members[0][1].replace('&', "&amp;")));
    assert!(!one.contains(&members[1][1]) && !one.contains(&members[1][0]));
    let wrong = home.run(&["report", "x.html", "--member", &format!("{}x", members[0][0])]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.stderr.contains(&format!("did you mean {}?", members[0][0])), "{}", wrong.stderr);

    let details = home.rows("SELECT detail FROM access_log WHERE command = 'report' ORDER BY id");
    assert_eq!(details.concat(), ["begun", "3 members", "begun", "1 member"]);
    // The log leads to the file, wherever the command was given.
    let mut relative = home.command(&["report", "relative.html"]);
    assert!(relative.current_dir(home.path()).output().unwrap().status.success());
    let target: String = home.value("SELECT target FROM access_log ORDER BY id DESC LIMIT 1");
    let target = std::path::Path::new(&target);
    assert!(target.is_absolute() && target.ends_with("relative.html") && target.exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let file = home.file("report.html");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let (theirs, link) = (home.file("theirs"), home.file("link.html"));
        fs::write(&theirs, "theirs").unwrap();
        symlink(&theirs, &link).unwrap();
        let outcome = home.run(&["report", link.to_str().unwrap()]);
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("is a symbolic link"), "{}", outcome.stderr);
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "theirs");
        assert!(link.symlink_metadata().unwrap().is_symlink());
    }
}

/// Everything that a page could load, run or send.
const FORBIDDEN: [&str; 12] = [
    "<script",
    "<img",
    "<link",
    "<iframe",
    "<form",
    "<object",
    "<base",
    "src=",
    "onload=",
    "javascript:",
    "url(",
    "@import",
];

#[test]
fn hostile_names_are_shown_and_not_obeyed() {
    let home = Home::new();
    let name = r#"\"><script>alert(1)</script>\u001b[31m\u202eevil & <img src=x onerror=y>"#;
    let resources = [
        format!(r#"{{"resourceType":"Patient","id":"p","name":[{{"text":"{name}"}}]}}"#),
        format!(
            r#"{{"resourceType":"Coverage","id":"c","status":"active","beneficiary":{{"reference":"Patient/p"}},
            "period":{{"start":"2024-01-01"}},"payor":[{{"display":"{name}"}}],"type":{{"text":"{name}"}}}}"#
        ),
        format!(
            r#"{{"resourceType":"Condition","id":"d","subject":{{"reference":"Patient/p"}},"code":{{"text":"{name}"}}}}"#
        ),
    ];
    let file = put(&home, "files.json", bundle("collection", &resources));
    assert_eq!(import(&home, "files", &file).code, 0);
    let html = page(&home, &[]);
    assert!(html.matches("&lt;script&gt;alert(1)&lt;/script&gt;").count() > 3, "the name is shown");
    assert!(!html.contains(['\u{1b}', '\u{202e}']));
    let tags: BTreeSet<&str> = FORBIDDEN
        .iter()
        .copied()
        .filter(|tag| {
            // As text it is escaped: what counts is what begins a tag or stands in one.
            html.split('<').skip(1).any(|tag_and_text| {
                let inside = tag_and_text.split('>').next().unwrap_or_default();
                format!("<{inside}").contains(tag)
            })
        })
        .collect();
    assert!(tags.is_empty(), "{tags:?}");
    assert!(html.contains("default-src 'none'") && !html.contains("unsafe-inline"));
    assert!(!html.contains("style=\""), "the policy would refuse it");
}

#[test]
fn a_laboratory_reading_says_what_decided_it() {
    let home = Home::new();
    let observation = |id: &str, value: &str, interpretation: &str| {
        format!(
            r#"{{"resourceType":"Observation","id":"{id}","status":"final","subject":{{"reference":"Patient/p"}},
            "category":[{{"coding":[{{"code":"laboratory"}}]}}],"code":{{"text":"Test {id}"}},
            "effectiveDateTime":"2024-01-02",{value},"interpretation":[{{"coding":[{{"code":"{interpretation}"}}]}}]}}"#
        )
    };
    let range = r#""referenceRange":[{"low":{"value":4},"high":{"value":6}}]"#;
    let resources = [
        r#"{"resourceType":"Patient","id":"p"}"#.to_owned(),
        observation("a", r#""valueBoolean":true"#, "N"),
        observation("b", r#""valueBoolean":false"#, "A"),
        observation("c", &format!(r#""valueQuantity":{{"value":5}},{range}"#), "N"),
        observation("d", &format!(r#""valueQuantity":{{"value":7}},{range}"#), "N"),
    ];
    let file = put(&home, "files.json", bundle("collection", &resources));
    assert_eq!(import(&home, "files", &file).code, 0);
    let html = page(&home, &[]);
    let (_, section) = html.split_once("id=\"m0-labs\"").unwrap();
    for (test, reading) in [
        ("Test a", "<td>normal, as the laboratory says</td>"),
        ("Test b", "<strong>abnormal, as the laboratory says</strong>"),
        ("Test c", "<td>within the range</td>"),
        ("Test d", "<strong>outside the range</strong>"),
    ] {
        let (_, row) = section.split_once(test).unwrap();
        let row = row.split("</tr>").next().unwrap();
        assert!(row.contains(reading), "{test}: {row}");
    }
    assert!(html.contains("id=\"m0-accumulators\">Deductible and out-of-pocket maximum</h3>"));
}

#[test]
fn a_result_that_is_a_limit_is_shown_as_one_and_not_drawn() {
    let home = Home::new();
    let observation = |day: u8, value: &str| {
        format!(
            r#"{{"resourceType":"Observation","id":"{day}","status":"final","subject":{{"reference":"Patient/p"}},
            "category":[{{"coding":[{{"code":"laboratory"}}]}}],"code":{{"coding":[{{"code":"eGFR"}}]}},
            "effectiveDateTime":"2024-01-0{day}","valueQuantity":{{{value}}}}}"#
        )
    };
    let resources = [
        r#"{"resourceType":"Patient","id":"p"}"#.to_owned(),
        observation(1, r#""value":80"#),
        observation(2, r#""value":60,"comparator":">""#),
        observation(3, r#""value":75"#),
    ];
    let file = put(&home, "files.json", bundle("collection", &resources));
    assert_eq!(import(&home, "files", &file).code, 0);
    let html = page(&home, &[]);
    let before = "&gt;60 on <span class=\"day\">2024-01-02</span> (cannot be compared)";
    assert!(html.contains(before), "{html}");
    assert!(html.contains("The last 2 exact results: 80, 75"), "{html}");
}

#[test]
fn an_empty_warehouse_is_a_page_too() {
    let home = Home::new();
    let patientless = r#"{"resourceType":"Organization","id":"o","name":"nobody"}"#.to_owned();
    let file = put(&home, "files.json", bundle("collection", &[patientless]));
    assert_eq!(import(&home, "files", &file).code, 0);
    let html = page(&home, &[]);
    assert!(html.contains("No member is stored yet") && html.ends_with("</html>"), "{html}");
    let nobody = home.run(&["report", "x.html", "--member", "mary"]);
    assert!(nobody.code == 1 && nobody.stderr.contains("there is no member mary"));
    let folder = home.run(&["report", home.path().to_str().unwrap()]);
    assert!(folder.code == 1 && folder.stderr.contains("is a folder"), "{}", folder.stderr);
    assert_eq!(Home::new().run(&["report", "x.html"]).code, 1, "no warehouse");
}

#[test]
fn a_diagnosis_stands_on_a_claim_or_a_condition_that_stands() {
    let home = Home::new();
    let patient = r#"{"resourceType":"Patient","id":"p","name":[{"family":"Doe"}]}"#.to_owned();
    let coverage = |id: &str, start: &str, end: &str| {
        format!(
            r#"{{"resourceType":"Coverage","id":"{id}","status":"active","beneficiary":{{"reference":"Patient/p"}},
               "period":{{"start":"{start}","end":"{end}"}}}}"#
        )
    };
    let condition = |id: &str, code: &str, verification: &str| {
        format!(
            r#"{{"resourceType":"Condition","id":"{id}","subject":{{"reference":"Patient/p"}},
               "verificationStatus":{{"coding":[{{"code":"{verification}"}}]}},
               "code":{{"coding":[{{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"{code}"}}]}}}}"#
        )
    };
    let claim = |id: &str, status: &str, code: &str| {
        format!(
            r#"{{"resourceType":"ExplanationOfBenefit","id":"{id}","status":"{status}","use":"claim",
               "patient":{{"reference":"Patient/p"}},"billablePeriod":{{"start":"2026-01-02"}},
               "diagnosis":[{{"sequence":1,"diagnosisCodeableConcept":{{"coding":[
                 {{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"{code}"}}]}}}}]}}"#
        )
    };
    let resources = [
        patient,
        coverage("c1", "2022-01-01", "2022-12-31"),
        coverage("c2", "2024-01-01", "9999-12-31"),
        condition("d1", "C50.9", "entered-in-error"),
        condition("d2", "G30.9", "refuted"),
        condition("d3", "E11.9", "confirmed"),
        claim("k1", "cancelled", "B20"),
        claim("k2'; touch x; '", "active", "J06.9"),
    ];
    let file = put(&home, "files.json", bundle("collection", &resources));
    let _ = import(&home, "files", &file);
    let html = page(&home, &[]);
    for code in ["E11.9", "J06.9"] {
        assert!(html.contains(code), "{code}");
    }
    for code in ["C50.9", "G30.9", "B20", "touch x; ''"] {
        assert!(!html.contains(code), "{code}");
    }
    assert!(html.contains("9999-12-31"), "the table has the date as sent");
    assert!(!html.contains(">9204<") && !html.contains(">2820<"), "the axis ends near today");
    let there = "SELECT count(*) FROM diagnosis WHERE code = 'C50.9'";
    assert_eq!(home.value::<i64>(there), 0, "what was entered in error is no diagnosis");
}

#[test]
fn a_plan_year_has_no_name_of_another_plan_whose_coverage_has_its_id() {
    let home = Home::new();
    let patient = json!({"resourceType": "Patient", "id": "p"});
    let coverage = |plan: &str| {
        json!({"resourceType": "Coverage", "id": "c", "status": "active",
            "beneficiary": {"reference": "Patient/p"},
            "class": [{"type": {"coding": [{"code": "plan"}]}, "value": "1", "name": plan}]})
    };
    let used = json!({
        "insurance": [{"focal": true, "coverage": {"reference": "Coverage/c"}}],
        "total": [{"category": {"coding": [{"code": "deductible"}]},
            "amount": {"value": 731.25, "currency": "USD"}}],
    });
    let add = |name: &str, resource: String| {
        let file = put(&home, "files.json", bundle("collection", &[patient.to_string(), resource]));
        let base = format!("https://{name}.example/fhir");
        let arguments = ["import", name, &*file, "--base", &*base, "--member", "jan"];
        home.succeed(&arguments, "a payer's file");
    };
    let accounts = || {
        let html = page(&home, &[]);
        let (_, section) = html.split_once("id=\"m0-accumulators\"").unwrap();
        section.split("<h3").next().unwrap().to_owned()
    };
    add("north", claim_with("k", used).to_string());
    add("south", coverage("South Gold").to_string());
    let section = accounts();
    assert!(section.contains("731.25") && !section.contains("South Gold"), "{section}");
    add("north", coverage("North Silver").to_string());
    let section = accounts();
    assert!(section.contains("North Silver") && !section.contains("South Gold"), "{section}");
}

#[test]
fn where_no_browser_is_found_the_page_is_named() {
    let home = Home::new();
    let file = put(&home, "files.json", bundle("collection", &member("p")));
    assert_eq!(import(&home, "files", &file).code, 0);
    let page = home.file("report.html");
    let mut command = home.command(&["report", page.to_str().unwrap(), "--open"]);
    // As xdg-open does where there is none: it starts, and fails.
    command.env("BROWSER", "/bin/false").env("PATH", home.file("empty"));
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let page = fs::canonicalize(page).unwrap();
    assert!(said.contains(&format!("No browser was found; open {}", page.display())), "{said}");
}
