//! A home of two members, one of whom is to be purged.

use super::{Home, Payer, canaries};
use payersync::sandbox::Options;
use std::{collections::HashSet, fs};

/// A home with `leaver-in-chief`, who has history, a pending consent and planner samples, and
/// `stayer`.
pub(crate) struct Purgeable {
    pub(crate) payer: Payer,
    pub(crate) home: Home,
    /// Strings that only the leaver's data has.
    pub(crate) canaries: HashSet<Vec<u8>>,
}

impl Purgeable {
    /// Makes the home; `sync` is the command that syncs all types of the payer, or few.
    pub(crate) fn new(sync: &[&str], claims_per_member: u32) -> Purgeable {
        let payer = Payer::start(Options { members: 2, claims_per_member, ..Options::default() });
        let home = Home::new();
        payer.configure(&home, "");
        payer.connect(&home, "leaver-in-chief", 0);
        payer.connect(&home, "stayer", 1);
        assert_eq!(home.run(sync).code, 0);
        let claim = home.value::<String>(
            "SELECT resource_id FROM resource WHERE connection_id = 1
               AND resource_type = 'ExplanationOfBenefit' LIMIT 1",
        );
        assert!(payer.amend(0, "ExplanationOfBenefit", &claim));
        assert_eq!(home.run(sync).code, 0);
        assert!(home.value::<i64>("SELECT count(*) FROM resource_version") > 0);
        // The row that a rebuild leaves if it is killed after one of the leaver's claims.
        home.warehouse()
            .execute(
                "INSERT INTO table_rebuild VALUES ('ExplanationOfBenefit', x'00', '[]', 1, ?1, 1, '')",
                [&claim],
            )
            .unwrap();
        home.warehouse().execute_batch("ANALYZE").unwrap();
        fs::write(home.file("pending-leaver-in-chief.json"), "{}").unwrap();
        let canaries = canaries(&payer, &home, "leaver-in-chief");
        assert!(canaries.len() > 50, "{}", canaries.len());
        // The files that killed backups and restores leave.
        for name in ["warehouse.db.staging", "warehouse.db.staging-wal", "warehouse.db.partial"] {
            let bytes: Vec<u8> = canaries.iter().flatten().copied().collect();
            fs::write(home.file(name), bytes).unwrap();
        }
        Purgeable { payer, home, canaries }
    }
}

/// Every row of the other member, in every table that has one.
pub(crate) fn stayers_rows(home: &Home) -> String {
    let tables = home
        .rows(
            "SELECT s.name FROM sqlite_schema s JOIN pragma_table_info(s.name) c
             WHERE s.type = 'table' AND c.name = 'connection_id' AND s.name <> 'access_log'
             ORDER BY 1",
        )
        .concat();
    let rows = |table: &String| {
        let mut rows = home.rows(&format!("SELECT * FROM \"{table}\" WHERE connection_id = 2"));
        rows.sort_unstable();
        rows
    };
    format!("{:?}", tables.iter().map(rows).collect::<Vec<_>>())
}
