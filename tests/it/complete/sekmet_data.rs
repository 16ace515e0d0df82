//! The real server's data: put there as it was written, read back as it is served.

use payersync::fhir::RESOURCE_TYPES;
use reqwest::Client;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use url::Url;

/// Type and id.
pub(crate) type Key = (String, String);

/// The token of `tests/servers/sekmet.yaml` that never ends.
const LOADER: &str = "a-loader-on-this-machine";
const BATCH: usize = 200;

/// What the server serves.
pub(crate) struct Served {
    /// The bytes of each resource on its page.
    pub(crate) resources: BTreeMap<Key, String>,
    /// Pages per type.
    pub(crate) pages: BTreeMap<String, usize>,
    /// Known types that the server has but does not declare, so that nobody is to ask for them.
    pub(crate) undeclared: Vec<String>,
}

impl Served {
    pub(crate) fn count(&self, resource_type: &str) -> usize {
        self.resources.keys().filter(|(name, _)| name == resource_type).count()
    }
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(rename = "resourceType")]
    resource_type: String,
    #[serde(borrow, default)]
    link: Option<&'a RawValue>,
    #[serde(borrow, default)]
    entry: Option<Vec<Entry<'a>>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    resource: Option<&'a RawValue>,
    #[serde(default)]
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Response {
    status: String,
}

#[derive(Deserialize)]
struct Link {
    relation: String,
    url: String,
}

/// Puts every resource of the types that payersync knows; returns what the server took.
pub(crate) async fn load(fhir_url: &Url, data: &Path) -> BTreeSet<Key> {
    let mut resources = BTreeMap::new();
    let unpacked = tempfile::tempdir().unwrap();
    unpack(&data.join("synthea.tar.gz"), unpacked.path());
    for folder in ["carin", "bfd", "bluebutton", "us-core"].map(|name| data.join(name)) {
        collect_files(&folder, &mut resources);
    }
    collect_files(unpacked.path(), &mut resources);
    let puts: Vec<_> = resources.iter().map(|(key, text)| put(key, text)).collect();
    send(fhir_url, &puts).await;
    resources.into_keys().collect()
}

fn put((resource_type, id): &Key, text: &str) -> String {
    format!(r#"{{"request":{{"method":"PUT","url":"{resource_type}/{id}"}},"resource":{text}}}"#)
}

/// Sends entries of a batch; the server must take every one.
async fn send(fhir_url: &Url, entries: &[String]) {
    let client = client();
    for batch in entries.chunks(BATCH) {
        let body =
            format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{}]}}"#, batch.join(","));
        let request = client
            .post(fhir_url.clone())
            .bearer_auth(LOADER)
            .header("content-type", "application/fhir+json")
            .header("prefer", "return=minimal")
            .body(body);
        let answer = request.send().await.unwrap().text().await.unwrap();
        let answer: Resource<'_> = serde_json::from_str(&answer).unwrap();
        let answers = answer.entry.unwrap();
        assert_eq!(answers.len(), batch.len());
        for (asked, answer) in batch.iter().zip(answers) {
            let status = answer.response.unwrap().status;
            let asked: String = asked.chars().take(100).collect();
            assert!(status.starts_with("20"), "{asked}: {status}");
        }
    }
}

/// What became other on the server.
pub(crate) struct Changes {
    pub(crate) added: Vec<Key>,
    pub(crate) changed: Vec<Key>,
    pub(crate) deleted: Vec<Key>,
}

/// Of each of these types: one resource more, two others, one less.
pub(crate) async fn change(fhir_url: &Url, served: &Served, types: &[&str]) -> Changes {
    let mut changes = Changes { added: Vec::new(), changed: Vec::new(), deleted: Vec::new() };
    let mut entries = Vec::new();
    for resource_type in types {
        let of_type: Vec<_> =
            served.resources.iter().filter(|((name, _), _)| name == resource_type).collect();
        let [first, second, .., last] = &of_type[..] else { panic!("{resource_type}") };
        for (key, text) in [first, second] {
            let mut resource: serde_json::Value = serde_json::from_str(text).unwrap();
            resource["language"] = "x-changed".into();
            entries.push(put(key, &resource.to_string()));
            changes.changed.push((*key).clone());
            resource["id"] = format!("more-{}", changes.changed.len()).into();
            let key = key_of(&resource.to_string()).unwrap();
            if std::ptr::eq(*text, second.1) {
                entries.push(put(&key, &resource.to_string()));
                changes.added.push(key);
            }
        }
        let (name, id) = last.0;
        entries.push(format!(r#"{{"request":{{"method":"DELETE","url":"{name}/{id}"}}}}"#));
        changes.deleted.push(last.0.clone());
    }
    send(fhir_url, &entries).await;
    changes
}

/// Reads every page of every known type that the server declares, as any client would.
pub(crate) async fn serve(fhir_url: &Url, page_size: usize) -> Served {
    let client = client();
    let metadata = client.get(format!("{fhir_url}/metadata")).send().await.unwrap();
    let metadata: serde_json::Value =
        serde_json::from_str(&metadata.text().await.unwrap()).unwrap();
    let declared = metadata["rest"][0]["resource"].as_array().unwrap();
    let is_declared = |name: &str| declared.iter().any(|resource| resource["type"] == name);
    let mut served =
        Served { resources: BTreeMap::new(), pages: BTreeMap::new(), undeclared: Vec::new() };
    for known in RESOURCE_TYPES {
        if !is_declared(known.name) {
            served.undeclared.push(known.name.to_owned());
            continue;
        }
        let mut next = Some(format!("{fhir_url}/{}?_count={page_size}", known.name));
        let mut pages = 0;
        while let Some(url) = next {
            let answer = client.get(url).bearer_auth(LOADER).send().await.unwrap();
            let text = answer.error_for_status().unwrap().text().await.unwrap();
            let bundle: Resource<'_> = serde_json::from_str(&text).unwrap();
            for entry in bundle.entry.into_iter().flatten() {
                let json = entry.resource.unwrap().get();
                served.resources.insert(key_of(json).unwrap(), json.to_owned());
            }
            let links: Vec<Link> = serde_json::from_str(bundle.link.unwrap().get()).unwrap();
            next = links.into_iter().find(|link| link.relation == "next").map(|link| link.url);
            pages += 1;
        }
        served.pages.insert(known.name.to_owned(), pages);
    }
    served
}

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

fn unpack(archive: &Path, folder: &Path) {
    let status =
        Command::new("tar").arg("xzf").arg(archive).arg("-C").arg(folder).status().unwrap();
    assert!(status.success());
}

fn collect_files(folder: &Path, resources: &mut BTreeMap<Key, String>) {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect_files(&path, resources);
        } else if path.extension().is_some_and(|ending| ending == "json") {
            let text = fs::read_to_string(&path).unwrap();
            collect(text.trim_start_matches('\u{feff}'), resources);
        }
    }
}

/// A resource, a Bundle's resources, or those of a list; what is neither is nobody's loss.
fn collect(text: &str, resources: &mut BTreeMap<Key, String>) {
    if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(text) {
        list.iter().for_each(|item| collect(item.get(), resources));
        return;
    }
    let Ok(resource) = serde_json::from_str::<Resource<'_>>(text) else { return };
    if resource.resource_type == "Bundle" {
        for entry in resource.entry.into_iter().flatten() {
            if let Some(inner) = entry.resource {
                collect(inner.get(), resources);
            }
        }
    } else if let Some(key) = key_of(text).filter(is_wanted) {
        resources.insert(key, text.to_owned());
    }
}

fn key_of(text: &str) -> Option<Key> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "resourceType")]
        resource_type: String,
        id: String,
    }
    let named: Named = serde_json::from_str(text).ok()?;
    Some((named.resource_type, named.id))
}

/// A type that is synced, with an id as FHIR allows it (R4, datatypes, id): the server is strict.
fn is_wanted((resource_type, id): &Key) -> bool {
    RESOURCE_TYPES.iter().any(|known| known.name == resource_type)
        && (1..=64).contains(&id.len())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
}
