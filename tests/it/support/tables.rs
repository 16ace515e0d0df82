//! The content of all tables as one value, and view definitions of a user's own.

use super::Home;
use sha2::{Digest, Sha256};

impl Home {
    /// Names of all normalised tables.
    pub(crate) fn table_names(&self) -> Vec<String> {
        self.rows("SELECT name FROM view_table ORDER BY name").concat()
    }

    /// Names of all marts, without the views of the Tuva input layer, whose columns are Tuva's.
    pub(crate) fn mart_names(&self) -> Vec<String> {
        self.rows("SELECT name FROM mart_table WHERE substr(name, 1, 5) <> 'tuva_' ORDER BY name")
            .concat()
    }

    /// A hash of every row of every normalised table and mart. Values that say when data came are left out,
    /// since two homes may have received the same data on two days.
    pub(crate) fn digest(&self) -> String {
        let says_when = |mart: &String| matches!(mart.as_str(), "changes" | "data_freshness");
        let warehouse = self.warehouse();
        let mut hash = Sha256::new();
        let mut count = 0;
        let marts = self.mart_names().into_iter().filter(|mart| !says_when(mart));
        for table in self.table_names().into_iter().chain(marts) {
            hash.update(&table);
            let mut statement = warehouse.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
            let names = statement.column_names().enumerate();
            let columns: Vec<usize> =
                names.filter(|(_, name)| *name != "ingest_datetime").map(|(at, _)| at).collect();
            let mut lines = Vec::new();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let cells = columns
                    .iter()
                    .map(|column| format!("{:?}\u{1}", row.get_ref(*column).unwrap()));
                lines.push(cells.collect::<String>());
            }
            lines.sort_unstable();
            count += lines.len();
            lines.iter().for_each(|line| hash.update(line));
        }
        format!("{count} rows, {:02x?}", hash.finalize())
    }

    /// Stores `copies` more copies of every resource, under other ids.
    pub(crate) fn multiply(&self, copies: u32) {
        let sql = "INSERT INTO resource (connection_id, resource_type, resource_id, content_hash,
               json, walk_id, received_at)
             SELECT connection_id, resource_type, resource_id || '-' || ?1, content_hash,
               replace(json, '\"id\":\"' || resource_id || '\"',
                 '\"id\":\"' || resource_id || '-' || ?1 || '\"'), walk_id, received_at
             FROM resource WHERE resource_id NOT LIKE '%-copy%'";
        let warehouse = self.warehouse();
        for copy in 0..copies {
            warehouse.execute(sql, [format!("copy{copy}")]).unwrap();
        }
    }

    /// Writes a definition of the user's own; the configuration must name `views_dir`.
    pub(crate) fn own_view(&self, file: &str, text: &str) {
        std::fs::create_dir_all(self.file("views")).unwrap();
        std::fs::write(self.file("views").join(file), text).unwrap();
    }
}

/// The content and the completeness of a home, without instants.
pub(crate) fn state(home: &Home) -> String {
    let resources = home.rows(
        "SELECT connection_id, resource_type, resource_id, json, deleted_at IS NULL FROM resource
         ORDER BY 1, 2, 3",
    );
    let types = home.rows(
        "SELECT connection, resource_type, state, reason, resources, rejects, resumable,
           declared_total, last_updated_support FROM completeness ORDER BY 1, 2",
    );
    format!("{} {resources:?} {types:?}", home.digest())
}

/// The lines of the configuration that [`Home::own_view`] needs.
pub(crate) const VIEWS_DIR: &str = "\n[warehouse]\nviews_dir = \"views\"\n";

/// A definition of a view over a type, with the key and one more column.
pub(crate) fn definition(name: &str, resource: &str, path: &str) -> String {
    serde_json::json!({
        "resourceType": "ViewDefinition", "name": name, "resource": resource, "status": "active",
        "select": [{"column": [
            {"name": "id", "path": "getResourceKey()", "type": "id"},
            {"name": "found", "path": path, "type": "string"},
        ]}],
    })
    .to_string()
}
