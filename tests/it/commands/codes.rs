//! `codes load`: published code lists become rows of `code`, whole or not at all, and again without a
//! change.

use crate::{
    files::import::{put, zipped},
    support::Home,
};
use std::{fs, path::Path};

const ICD10_CM: &str = "http://hl7.org/fhir/sid/icd-10-cm";
const NDC: &str = "http://hl7.org/fhir/sid/ndc";

/// A line of an order file.
pub(crate) fn order(number: u32, code: &str, is_valid: u8, name: &str) -> String {
    let short = name.get(..60).unwrap_or(name);
    format!("{number:05} {code:<7} {is_valid} {short:<60} {name}\r\n")
}

/// A record of HCPCS: 320 characters.
pub(crate) fn hcpcs(code: &str, kind: u8, name: &str) -> String {
    format!("{code:>5}{:05}{kind}{name:<80}{:<229}\n", 100, "SHORT")
}

fn rxnorm(code: &str, kind: &str, suppressed: &str, name: &str) -> String {
    let fields = [
        code, "ENG", "", "", "", "", "", "1", "", code, "", "RXNORM", kind, code, name, "",
        suppressed, "4096",
    ];
    format!("{}|\n", fields.join("|"))
}

/// Code and display of a system, by code.
fn codes(home: &Home, system: &str) -> Vec<Vec<String>> {
    home.rows(&format!("SELECT code, display FROM code WHERE system = '{system}' ORDER BY code"))
}

/// Puts files under the names that docs/codes.md loads, each with one code.
pub(crate) fn publish(folder: &Path) {
    fs::write(folder.join("icd10cm-order-2026.txt"), order(1, "A000", 1, "Cholera")).unwrap();
    fs::write(folder.join("HCPC2026_JAN_ANWEB.txt"), hcpcs("A1234", 3, "A thing")).unwrap();
}

#[track_caller]
pub(crate) fn load(home: &Home, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let file = put(home, name, bytes);
    let outcome = home.run(&["codes", "load", &file]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.stderr
}

#[test]
fn each_published_list_is_known_by_its_content() {
    let home = Home::new();
    let cm = [
        order(1, "A00", 0, "Cholera"),
        order(2, "A000", 1, "Cholera of one kind"),
        order(
            3,
            "T360X1A",
            1,
            "Poisoning with a name of more than sixty characters, first encounter",
        ),
    ]
    .concat();
    let pcs = [
        order(1, "001", 0, "Nervous System, Bypass"),
        order(2, "0016070", 1, "Bypass of one part"),
    ]
    .concat();
    let level_ii = [
        hcpcs("A1234", 3, "A thing for one purpose whose name goes on"),
        hcpcs("A1234", 4, "in a second record"),
        hcpcs("A1", 7, "A modifier"),
    ]
    .concat();
    let table_5 = "TABLE 5. MADE UP\t\t\t\nMS-DRG\t\"FY Post-\nAcute\"\tMDC\tTYPE\tMS-DRG Title\tWeights\n\
                   1\tNo\tPRE\tSURG\t\"HEART, ONE\"\t9.0\n470\tNo\t08\tSURG\tJOINT\t1.9\n\t\t\t\tNote\t\n";
    let appendix = "Appendix A\n\nDRG MDC MS Description\n001 PRE P  HEART, TWO\n053 01  M  SPINE 2 WAYS\n998     NOTHING\n";
    let places = "\u{feff}Place of Service Codes,,\nPlace of Service Code(s),Place of Service Name,Place of Service Description\n\
                  1,Pharmacy,\"A place,\nwith a line break\"\n11,Office,x\n35-40,Unassigned,N/A\n";
    let cvx = "54 |short|a vaccine of one kind|note||Inactive|True|2010/09/30\n207|another||n|Active|False|2020/12/16\n";
    let prescribable = [
        rxnorm("1", "PSN", "N", "a name for people"),
        rxnorm("1", "SCD", "N", "thing 5 MG Oral Tablet"),
        rxnorm("2", "IN", "O", "obsolete"),
        rxnorm("3", "IN", "N", "thing"),
    ]
    .concat();
    let taxonomy = "Code,Grouping,Classification,Specialization,Definition,Notes,Display Name,Section\n\
                    1AAAA0000X,G,Allergy,Kids,\"a, b\",,Kids' Allergist,Individual\n2BBBB0000X,G,Clinic,,d,,,Other\n";
    for (name, bytes, told) in [
        ("icd10cm-order-2026.txt", cm.as_bytes(), "ICD-10-CM 2026, 3 codes, 3 rows written"),
        ("icd10pcs_order_2026.txt", pcs.as_bytes(), "ICD-10-PCS 2026, 2 codes"),
        ("HCPC2026_JAN_ANWEB.txt", level_ii.as_bytes(), "HCPCS Level II 2026, 2 codes"),
        ("table 5.txt", table_5.as_bytes(), "MS-DRG, 2 codes"),
        ("places.csv", places.as_bytes(), "place of service, 2 codes"),
        ("cvx.txt", cvx.as_bytes(), "CVX, 2 codes"),
        ("RXNCONSO.RRF", prescribable.as_bytes(), "RxNorm, 2 codes"),
        ("nucc_taxonomy_260.csv", taxonomy.as_bytes(), "NUCC provider taxonomy 260, 2 codes"),
        ("appendix_A.txt", appendix.as_bytes(), "MS-DRG, 3 codes, 3 rows written"),
    ] {
        let said = load(&home, name, bytes);
        assert!(said.contains(told), "{said}");
    }
    let long = "Poisoning with a name of more than sixty characters, first encounter";
    let pairs = |system: &str| {
        codes(&home, system).into_iter().map(|row| row.join(" = ")).collect::<Vec<_>>()
    };
    assert_eq!(
        pairs(ICD10_CM),
        ["A00 = Cholera", "A00.0 = Cholera of one kind", &format!("T36.0X1A = {long}")]
    );
    assert_eq!(
        pairs("http://www.cms.gov/Medicare/Coding/ICD10"),
        ["001 = Nervous System, Bypass", "0016070 = Bypass of one part"]
    );
    assert_eq!(
        pairs("https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"),
        [
            "A1 = A modifier",
            "A1234 = A thing for one purpose whose name goes on in a second record"
        ]
    );
    let drg = home.value::<String>("SELECT system FROM code WHERE code = '470'");
    assert_eq!(
        pairs(&drg),
        ["001 = HEART, TWO", "053 = SPINE 2 WAYS", "470 = JOINT", "998 = NOTHING"]
    );
    let place = home.value::<String>("SELECT system FROM code WHERE display = 'Office'");
    assert_eq!(pairs(&place), ["01 = Pharmacy", "11 = Office"]);
    assert_eq!(
        pairs("http://hl7.org/fhir/sid/cvx"),
        ["207 = another", "54 = a vaccine of one kind"]
    );
    assert_eq!(
        pairs("http://www.nlm.nih.gov/research/umls/rxnorm"),
        ["1 = thing 5 MG Oral Tablet", "3 = thing"]
    );
    assert_eq!(
        pairs("http://nucc.org/provider-taxonomy"),
        ["1AAAA0000X = Kids' Allergist", "2BBBB0000X = Clinic"]
    );
    let listed = home.run(&["codes"]).stdout;
    for word in ["codes", "release", "loaded", "list", "2026", "ICD-10-CM", "MS-DRG"] {
        assert!(listed.contains(word), "{word}: {listed}");
    }
    assert!(listed.lines().all(|line| line.chars().count() <= 80), "{listed}");
    let listed = home.run(&["codes", "--json"]).stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 8, "{listed}");
}

#[test]
fn the_archive_of_the_drug_directory_is_read_as_it_is() {
    let home = Home::new();
    let product = b"PRODUCTID\tPRODUCTNDC\tPRODUCTTYPENAME\tPROPRIETARYNAME\tNONPROPRIETARYNAME\tDOSAGEFORMNAME\tACTIVE_NUMERATOR_STRENGTH\tACTIVE_INGRED_UNIT\n\
        a\t0002-1433\tHUMAN\tCaf\xe9x\tthing\tTABLET\t5\tmg/1\n\
        b\t12345-678\tHUMAN\tDuo\tduo\tCAPSULE\t1; 2\tmg/1; mg/1\n";
    // Latin-1, which the helper that makes archives does not write.
    let latin = put(&home, "product.txt", product);
    assert_eq!(home.run(&["codes", "load", &latin]).code, 0);
    let package = "PRODUCTID\tPRODUCTNDC\tNDCPACKAGECODE\tPACKAGEDESCRIPTION\n\
        a\t0002-1433\t0002-1433-80\t4 TABLETS in 1 BOX\nb\t12345-678\t12345-678-9\t\"1\" CAPSULE\n";
    let archive = zipped(&[("readme.pdf", "%PDF"), ("package.txt", package)]);
    let said = load(&home, "ndctext.zip", &archive);
    assert!(said.contains("readme.pdf: passed over"), "{said}");
    assert!(said.contains("NDC packages, 2 codes"), "{said}");
    let rows: Vec<String> = codes(&home, NDC).into_iter().map(|row| row.join(" = ")).collect();
    assert_eq!(
        rows,
        [
            "000021433 = Caféx (thing) tablet 5 mg/1",
            "00002143380 = 4 TABLETS in 1 BOX",
            "123450678 = Duo capsule",
            "12345067809 = \"1\" CAPSULE",
        ]
    );
}

#[test]
fn the_same_file_again_writes_nothing_and_a_newer_one_what_changed() {
    let home = Home::new();
    let old = [order(1, "A00", 0, "Cholera"), order(2, "A09", 1, "Gone later")].concat();
    load(&home, "order.txt", &old);
    let loaded_at = "SELECT code, loaded_at, coalesce(version, '') FROM code ORDER BY code";
    let before = home.rows(loaded_at);
    let said = load(&home, "order.txt", &old);
    assert!(said.contains("2 codes, 0 rows written"), "{said}");
    assert_eq!(home.rows(loaded_at), before);
    let file = put(&home, "order.txt", order(1, "A00", 0, "Cholera, renamed"));
    let outcome = home.run(&["codes", "load", &file, "--release", "FY 2027"]);
    assert!(outcome.stderr.contains("FY 2027, 1 code, 1 row written"), "{}", outcome.stderr);
    // Older claims have codes that are no longer valid.
    let names: Vec<String> = codes(&home, ICD10_CM).concat();
    assert_eq!(names, ["A00", "Cholera, renamed", "A09", "Gone later"]);
}

#[test]
fn a_file_without_a_release_keeps_the_known_release() {
    let home = Home::new();
    let file = put(&home, "order.txt", order(1, "A00", 0, "Cholera"));
    home.succeed(&["codes", "load", &file, "--release", "2026"], "nothing");
    let rows = "SELECT code, display, version, loaded_at FROM code";
    let before = home.rows(rows);
    let said = home.run(&["codes", "load", &file]).stderr;
    assert!(said.contains("1 code, 0 rows written"), "{said}");
    assert_eq!(home.rows(rows), before);
    let said = load(&home, "order.txt", order(1, "A00", 0, "Cholera, renamed"));
    assert!(said.contains("1 code, 1 row written"), "{said}");
    let release = "SELECT display || ' ' || version FROM code";
    assert_eq!(home.value::<String>(release), "Cholera, renamed 2026");
    home.succeed(&["codes", "load", &file, "--release", "2027"], "another release");
    assert_eq!(home.value::<String>(release), "Cholera, renamed 2027");
}

#[test]
fn a_file_that_is_no_list_or_breaks_off_changes_nothing() {
    let home = Home::new();
    let good = order(1, "A00", 0, "Cholera");
    let broken = put(&home, "broken.txt", format!("{good}00002 A0"));
    let outcome = home.run(&["codes", "load", &broken]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("line 2: it is shorter"), "{}", outcome.stderr);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM code"), 0);
    let mixed = put(&home, "mixed.txt", format!("{good}{}", order(2, "0016070", 1, "Bypass")));
    assert_eq!(home.run(&["codes", "load", &mixed]).code, 1);
    for (name, bytes) in [
        ("empty.txt", Vec::new()),
        ("notes.txt", b"just words\n".to_vec()),
        ("sheet.xlsx", zipped(&[("xl/workbook.xml", "<workbook/>")])),
        ("bundle.json", b"{\"resourceType\": \"Bundle\"}".to_vec()),
    ] {
        let file = put(&home, name, bytes);
        let outcome = home.run(&["codes", "load", &file]);
        assert_eq!(outcome.code, 1, "{name}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("is not a known code list"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("known: ICD-10-CM"), "{}", outcome.stderr);
    }
    assert_eq!(home.value::<i64>("SELECT count(*) FROM code"), 0);
    assert!(home.run(&["codes"]).stderr.contains("No codes are loaded"));
}
