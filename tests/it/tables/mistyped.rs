//! A typed column holds its type or NULL, and `mistyped_path` says where something else was sent.

use crate::support::{Home, Payer, VIEWS_DIR};
use payersync::sandbox::Options;
use serde_json::{Value, json};

const REBUILD: [&str; 4] =
    ["rebuild", "patient", "explanation_of_benefit", "explanation_of_benefit_item"];

/// A home with one member, whose Patient and first claim are changed, and all tables filled again.
fn home_with(change: impl Fn(&mut Value, &mut Value)) -> Home {
    let payer = Payer::start(Options { claims_per_member: 1, ..Options::default() });
    let home = payer.connected_home();
    assert_eq!(home.run(&["sync"]).code, 0);
    let stored = |resource_type: &str| -> Value {
        let sql =
            format!("SELECT json FROM resource WHERE resource_type = '{resource_type}' LIMIT 1");
        serde_json::from_str(&home.value::<String>(&sql)).unwrap()
    };
    let (mut patient, mut claim) = (stored("Patient"), stored("ExplanationOfBenefit"));
    change(&mut patient, &mut claim);
    for resource in [patient, claim] {
        let text = resource.to_string();
        let (of, id) = (&resource["resourceType"], &resource["id"]);
        home.warehouse()
            .execute(
                "UPDATE resource SET json = ?1 WHERE resource_type = ?2 AND resource_id = ?3",
                [text.as_str(), of.as_str().unwrap(), id.as_str().unwrap()],
            )
            .unwrap();
    }
    home.succeed(&REBUILD, "after the change");
    home
}

fn mistyped(home: &Home) -> Vec<Vec<String>> {
    home.rows(
        "SELECT path, table_name, column_name, resource_count, cell_count FROM mistyped_path
         ORDER BY 1, 2, 3",
    )
}

/// `1e400` written into JSON as it is, which serde_json's numbers cannot hold.
fn with_text(home: &Home, from: &str, to: &str) {
    let sql = "UPDATE resource SET json = replace(json, ?1, ?2)";
    home.warehouse().execute(sql, [from, to]).unwrap();
    home.succeed(&REBUILD, "after the replacement");
}

#[test]
fn what_is_not_of_a_columns_type_is_null_and_counted_by_path() {
    let home = home_with(|patient, claim| {
        patient["deceasedBoolean"] = json!("true");
        patient["gender"] = json!(["male", "female"]);
        patient["birthDate"] = json!({"year": 1970});
        patient["multipleBirthInteger"] = json!("3");
        patient
            .as_object_mut()
            .unwrap()
            .retain(|key, _| !matches!(key.as_str(), "deceasedDateTime" | "multipleBirthBoolean"));
        claim["payment"] = json!({"amount": {"value": "1,300.00", "currency": "USD"}});
        claim["precedence"] = json!(3.5);
        let items = claim["item"].as_array_mut().unwrap();
        items.truncate(2);
        items[0]["sequence"] = json!(99_999_999_999_i64);
        items[0]["net"] = json!({"value": "$40.00"});
        items[0]["quantity"] = json!({"value": true});
        items[1]["net"] = json!({"value": 40.5});
    });
    let typed = |sql: &str| home.rows(sql).concat();
    assert_eq!(
        typed(
            "SELECT typeof(deceased_boolean), typeof(gender), typeof(birth_date),
               typeof(multiple_birth_integer) FROM patient"
        ),
        ["null", "null", "null", "null"]
    );
    assert_eq!(
        typed("SELECT typeof(payment_amount), typeof(precedence) FROM explanation_of_benefit"),
        ["null", "null"]
    );
    let items = "SELECT typeof(sequence), typeof(net_amount), typeof(quantity_value)
         FROM explanation_of_benefit_item ORDER BY item_index";
    assert_eq!(home.rows(items)[0], ["null", "null", "null"]);
    assert_eq!(home.value::<f64>("SELECT sum(net_amount) FROM explanation_of_benefit_item"), 40.5);
    let found = mistyped(&home);
    for (path, table, column) in [
        ("Patient.deceasedBoolean", "patient", "deceased_boolean"),
        ("Patient.gender", "patient", "gender"),
        ("Patient.birthDate", "patient", "birth_date"),
        ("Patient.multipleBirthInteger", "patient", "multiple_birth_integer"),
        ("ExplanationOfBenefit.payment.amount.value", "explanation_of_benefit", "payment_amount"),
        ("ExplanationOfBenefit.precedence", "explanation_of_benefit", "precedence"),
        ("ExplanationOfBenefit.item.sequence", "explanation_of_benefit_item", "sequence"),
        ("ExplanationOfBenefit.item.net.value", "explanation_of_benefit_item", "net_amount"),
        (
            "ExplanationOfBenefit.item.quantity.value",
            "explanation_of_benefit_item",
            "quantity_value",
        ),
    ] {
        let row = [path, table, column, "1", "1"].map(str::to_owned).to_vec();
        assert!(found.contains(&row), "{row:?} is not in {found:?}");
    }
    let seen =
        "SELECT count(*) FROM mistyped_path m JOIN resource r ON r.received_at = m.first_seen
         WHERE r.resource_type = m.resource_type";
    assert!(home.value::<i64>(seen) >= found.len() as i64);
    // What was received is still there, and once it is sound nothing is told of it.
    assert_eq!(home.value::<i64>("SELECT count(*) FROM resource WHERE instr(json, '$40.00')"), 1);
    with_text(&home, "\"$40.00\"", "40.00");
    assert!(!mistyped(&home).iter().any(|row| row[0].ends_with("item.net.value")));
    assert_eq!(home.value::<f64>("SELECT sum(net_amount) FROM explanation_of_benefit_item"), 80.5);
}

#[test]
fn a_number_that_no_double_holds_is_null() {
    let home = home_with(|_, claim| claim["payment"] = json!({"amount": {"value": 7}}));
    with_text(&home, "{\"value\":7}", "{\"value\":1e400}");
    let sql = "SELECT typeof(payment_amount) FROM explanation_of_benefit";
    assert_eq!(home.rows(sql).concat(), ["null"]);
    assert_eq!(mistyped(&home)[0][0], "ExplanationOfBenefit.payment.amount.value");
}

#[test]
fn no_column_of_the_demo_holds_what_it_is_not_declared_to_hold() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    assert_eq!(home.run(&["sync"]).code, 0);
    assert_eq!(mistyped(&home), Vec::<Vec<String>>::new());
    let warehouse = home.warehouse();
    let mut checked = 0;
    for table in home.table_names() {
        let columns = home.rows(&format!("SELECT name, type FROM pragma_table_info('{table}')"));
        let wrong: Vec<String> = columns
            .iter()
            .map(|column| {
                format!("typeof(\"{}\") NOT IN ('null', '{}')", column[0], held(&column[1]))
            })
            .collect();
        let sql = format!("SELECT count(*) FROM \"{table}\" WHERE {}", wrong.join(" OR "));
        let found: i64 = warehouse.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(found, 0, "{table}");
        checked += columns.len();
    }
    assert!(checked > 3_000, "{checked}");
}

/// What a column of an affinity holds.
fn held(affinity: &str) -> &str {
    match affinity {
        "INTEGER" => "integer",
        "REAL" => "real",
        "TEXT" => "text",
        other => panic!("{other}"),
    }
}

#[test]
fn a_positive_number_is_no_zero_and_an_unsigned_one_is_not_negative() {
    let home = home_with(|patient, claim| {
        patient["telecom"] = json!([
            {"system": "phone", "value": "1", "rank": 0},
            {"system": "phone", "value": "2", "rank": -1},
            {"system": "phone", "value": "3", "rank": 1},
        ]);
        claim["precedence"] = json!(0);
        claim["item"].as_array_mut().unwrap().truncate(3);
        let items = claim["item"].as_array_mut().unwrap();
        // Some payers number their lines from 0.
        for (item, sequence) in items.iter_mut().zip([-1, 0, 2_147_483_647]) {
            item["sequence"] = json!(sequence);
        }
    });
    home.succeed(&["rebuild", "patient_telecom"], "after the change");
    let asked = "SELECT rank FROM patient_telecom ORDER BY telecom_index";
    assert_eq!(home.rows(asked).concat(), ["", "", "1"]);
    assert_eq!(home.rows("SELECT precedence FROM explanation_of_benefit").concat(), [""]);
    let count: i64 = home.value("SELECT count(*) FROM explanation_of_benefit_item");
    let sent = ["", "0", "2147483647"];
    let items = "SELECT sequence FROM explanation_of_benefit_item ORDER BY item_index";
    assert_eq!(home.rows(items).concat(), sent[..count.try_into().unwrap()]);
    let found = mistyped(&home);
    for (path, table, column, cells) in [
        ("ExplanationOfBenefit.precedence", "explanation_of_benefit", "precedence", "1"),
        ("ExplanationOfBenefit.item.sequence", "explanation_of_benefit_item", "sequence", "1"),
        ("Patient.telecom.rank", "patient_telecom", "rank", "2"),
    ] {
        let row = [path, table, column, "1", cells];
        assert!(found.iter().any(|found| found == &row), "{path}: {found:?}");
    }
}

#[test]
fn a_name_or_address_of_another_type_empties_one_cell_and_no_row() {
    let home = home_with(|patient, _| {
        patient["name"] = json!([{"family": "Doe", "given": ["Jane", 5]}]);
        patient["address"] = json!([{"city": "Boston", "line": {"street": "1 Main St"}}]);
    });
    let asked = "SELECT family_name, given_name, address_city, address_line FROM patient";
    assert_eq!(home.rows(asked).concat(), ["Doe", "", "Boston", ""]);
    let found = mistyped(&home);
    for (path, column) in
        [("Patient.name.given", "given_name"), ("Patient.address.line", "address_line")]
    {
        let row = [path, "patient", column, "1", "1"];
        assert!(found.iter().any(|found| found == &row), "{path}: {found:?}");
    }
    assert_eq!(home.value::<i64>("SELECT count(*) FROM rejected_resource"), 0);
    // The engine keeps to the standard, where it is an error.
    let view = r#"{"resourceType": "ViewDefinition", "name": "v", "resource": "Patient", "status": "active",
        "select": [{"column": [{"name": "given", "path": "name.given.join(' ')"}]}]}"#;
    let file = home.file("v.json");
    std::fs::write(&file, view).unwrap();
    let input = home.file("in.ndjson");
    std::fs::write(&input, "{\"resourceType\":\"Patient\",\"name\":[{\"given\":[5]}]}\n").unwrap();
    let [file, input] = [file, input].map(|path| path.display().to_string());
    let ran = home.run(&["views", "run", &file, "--input", &input]);
    assert!(ran.stderr.contains("wrong type"), "{}", ran.stderr);
}

#[test]
fn a_list_leaves_out_what_is_not_of_its_type_and_counts_it() {
    let home = Home::new();
    std::fs::write(home.file("payersync.toml"), VIEWS_DIR).unwrap();
    let view = json!({
        "resourceType": "ViewDefinition", "name": "own", "resource": "Patient", "status": "active",
        "select": [{"column": [
            {"name": "id", "path": "getResourceKey()", "type": "id"},
            {"name": "given", "path": "name.given", "type": "string", "collection": true},
        ]}],
    });
    home.own_view("own.json", &view.to_string());
    let given = json!(["Jane", 5, null, {"text": "Q."}, "Mary"]);
    let patient = json!({"resourceType": "Patient", "id": "p", "name": [{"given": given}]});
    let input = home.file("in.ndjson");
    std::fs::write(&input, format!("{patient}\n")).unwrap();
    home.succeed(&["import", "c", input.to_str().unwrap()], "importing a patient");
    assert_eq!(home.rows("SELECT given FROM own"), [[r#"["Jane","Mary"]"#]]);
    let row = ["Patient.name.given", "own", "given", "1", "2"];
    assert!(mistyped(&home).iter().any(|found| found == &row), "{:?}", mistyped(&home));
}
