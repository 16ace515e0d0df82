//! The files of a lake: in a folder, or in an object store.
//!
//! Every call blocks: a lake is written by one thread, which also reads the warehouse.

use crate::{commands::failure::Failure, own_file};
use bytes::Bytes;
use object_store::{
    Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    aws::AmazonS3Builder, azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder,
    local::LocalFileSystem, path::Path,
};
use std::{
    fs, io,
    iter::successors,
    path::{Path as FilePath, PathBuf, absolute},
    sync::Arc,
};
use tokio::{runtime::Handle, task::block_in_place};
use url::Url;

/// The places where a lake may be, for messages.
const PLACES: &str = "a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX";

/// The place of a lake: a folder, or a prefix in a bucket.
pub(super) struct Store {
    files: Arc<dyn ObjectStore>,
    /// The path of the lake within the store.
    root: Path,
    /// The path or URL of the lake, for messages and for the next sync.
    name: String,
    medium: Medium,
}

/// What an open lake is stored in.
enum Medium {
    Folder(PathBuf),
    Cloud(Cloud),
}

/// The object stores that a URL can name.
#[derive(Clone, Copy)]
pub(super) enum Cloud {
    /// `s3://BUCKET/PREFIX`: Amazon S3, or a store that speaks its protocol.
    S3,
    /// `gs://BUCKET/PREFIX`: Google Cloud Storage.
    Gcs,
    /// `az://CONTAINER/PREFIX`: Azure Blob Storage.
    Azure,
}

impl Cloud {
    fn of(scheme: &str) -> Option<Cloud> {
        match scheme {
            "s3" => Some(Cloud::S3),
            "gs" => Some(Cloud::Gcs),
            "az" => Some(Cloud::Azure),
            _ => None,
        }
    }

    /// The environment variables with the settings, for messages.
    fn settings(self) -> &'static str {
        match self {
            Cloud::S3 => "S3's settings come from the environment: AWS_REGION, AWS_ACCESS_KEY_ID …",
            Cloud::Gcs => {
                "Google's settings come from the environment: GOOGLE_SERVICE_ACCOUNT, or \
                 GOOGLE_APPLICATION_CREDENTIALS"
            }
            Cloud::Azure => {
                "Azure's settings come from the environment: AZURE_STORAGE_ACCOUNT_NAME, \
                 AZURE_STORAGE_ACCOUNT_KEY …"
            }
        }
    }

    /// Opens the bucket of a URL with the settings of the environment.
    fn bucket(self, url: &Url) -> Result<Arc<dyn ObjectStore>, Error> {
        let url = url.as_str();
        Ok(match self {
            Cloud::S3 => Arc::new(AmazonS3Builder::from_env().with_url(url).build()?),
            Cloud::Gcs => Arc::new(GoogleCloudStorageBuilder::from_env().with_url(url).build()?),
            Cloud::Azure => Arc::new(MicrosoftAzureBuilder::from_env().with_url(url).build()?),
        })
    }
}

/// The names directly below a path.
pub(super) struct Listing {
    pub(super) folders: Vec<String>,
    pub(super) files: Vec<String>,
}

/// The place that a URL or path names. Nothing has been opened there yet.
pub(super) enum Place {
    /// A folder; its path is absolute and has no trailing slash, so a link is not followed.
    Folder(PathBuf),
    /// A bucket and a prefix in an object store.
    Bucket(Url, Cloud),
}

impl Place {
    /// Reads a URL or path.
    ///
    /// # Errors
    /// It names neither a folder nor a known object store.
    pub(super) fn of(url: &str) -> Result<Place, Failure> {
        let parsed = Url::parse(url).ok().filter(|_| url.contains("://"));
        match parsed {
            None => Place::folder(FilePath::new(url)),
            Some(url) if url.scheme() == "file" => match url.to_file_path() {
                Ok(path) => Place::folder(&path),
                Err(()) => Err(unknown(&url)),
            },
            Some(url) => match Cloud::of(url.scheme()) {
                Some(cloud) => Place::bucket(url, cloud),
                None => Err(unknown(&url)),
            },
        }
    }

    fn folder(path: &FilePath) -> Result<Place, Failure> {
        let path = absolute(path).map_err(|error| unusable(path, error))?;
        Ok(Place::Folder(path.components().collect()))
    }

    fn bucket(url: Url, cloud: Cloud) -> Result<Place, Failure> {
        let has_more = !url.username().is_empty() || url.password().is_some();
        if has_more || url.query().is_some() || url.fragment().is_some() {
            // The URL is not repeated: its further parts may be a key, and a lake's name is stored and
            // shown.
            return Err(Failure::misuse("the lake's URL has more than a bucket and a prefix")
                .hint(format!("name {PLACES}; {}", cloud.settings())));
        }
        Ok(Place::Bucket(url, cloud))
    }

    /// The path or URL of the lake.
    pub(super) fn name(&self) -> String {
        match self {
            Place::Folder(path) => path.display().to_string(),
            Place::Bucket(url, _) => url.to_string(),
        }
    }
}

impl Store {
    /// Opens a lake. A missing folder is created only if the lake `may_begin` here.
    ///
    /// # Errors
    /// The folder is missing, others can write to it or replace it, or the object store's settings are wrong.
    pub(super) fn open(place: Place, may_begin: bool) -> Result<Store, Failure> {
        let name = place.name();
        match place {
            Place::Folder(path) => Store::in_folder(path, name, may_begin),
            Place::Bucket(url, cloud) => Store::in_cloud(&url, name, cloud),
        }
    }

    fn in_folder(path: PathBuf, name: String, may_begin: bool) -> Result<Store, Failure> {
        let failed = |error| unusable(&path, error);
        if !may_begin && path.symlink_metadata().is_err_and(|error| is_missing(&error)) {
            return Err(not_there(&name, &format!("the folder {name}")));
        }
        own_file::require_safe_folder(path.parent().unwrap_or(&path))?;
        if may_begin {
            match own_file::create_new_folder(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made.map_err(failed)?,
            }
        }
        // Anyone who can write to the folder could put a link there that leads a table's files elsewhere.
        own_file::require_own(&path)?;
        let files = LocalFileSystem::new_with_prefix(&path)
            .map_err(|error| failed(io::Error::other(error)))?
            // A commit must not be on the disk before the files that it names.
            .with_fsync(true);
        Ok(Store {
            files: Arc::new(files),
            root: Path::default(),
            name,
            medium: Medium::Folder(path),
        })
    }

    fn in_cloud(url: &Url, name: String, cloud: Cloud) -> Result<Store, Failure> {
        let failed = |error: Error| {
            Failure::usage(format!("cannot use the lake {url}"), error).hint(cloud.settings())
        };
        let files = cloud.bucket(url).map_err(failed)?;
        let root = Path::parse(url.path()).map_err(|error| failed(error.into()))?;
        Ok(Store { files, root, name, medium: Medium::Cloud(cloud) })
    }

    /// The path or URL of the lake.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The content of a file; `None` if it is missing.
    pub(super) fn get(&self, name: &str) -> Result<Option<Bytes>, Failure> {
        let at = self.at(name);
        let got =
            wait(async { self.files.get_opts(&at, GetOptions::default()).await?.bytes().await });
        match got {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read", name, error)),
        }
    }

    /// Writes a file in one step; replaces an existing file.
    pub(super) fn put(&self, name: &str, bytes: Bytes) -> Result<(), Failure> {
        let at = self.at(name);
        let done = wait(self.files.put(&at, PutPayload::from(bytes)));
        done.map(drop).map_err(|error| self.failed("write", name, error))
    }

    /// Writes a file in one step, unless it exists; returns whether it was written.
    pub(super) fn put_new(&self, name: &str, bytes: Bytes) -> Result<bool, Failure> {
        let at = self.at(name);
        let options = PutOptions::from(PutMode::Create);
        match wait(self.files.put_opts(&at, PutPayload::from(bytes), options)) {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(self.failed("write", name, error)),
        }
    }

    /// Removes a file, if it exists.
    pub(super) fn delete(&self, name: &str) -> Result<(), Failure> {
        let at = self.at(name);
        match wait(self.files.delete(&at)) {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("remove", name, error)),
        }
    }

    /// Lists a folder; empty if the folder is missing.
    pub(super) fn list(&self, name: &str) -> Result<Listing, Failure> {
        let at = self.at(name);
        let listed = wait(self.files.list_with_delimiter(Some(&at)))
            .map_err(|error| self.failed("list", name, error))?;
        let last = |path: &Path| path.filename().unwrap_or_default().to_owned();
        Ok(Listing {
            folders: listed.common_prefixes.iter().map(last).collect(),
            files: listed.objects.iter().map(|object| last(&object.location)).collect(),
        })
    }

    /// Removes half-written files of killed writers, which no listing shows, from one of this home's folders.
    ///
    /// An object store has no half-written files.
    pub(super) fn sweep_half_written(&self, name: &str) -> Result<(), Failure> {
        let Medium::Folder(lake) = &self.medium else { return Ok(()) };
        let folder = lake.join(name);
        let swept = || -> io::Result<()> {
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().contains('#') {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        match swept() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::file(
                format!("cannot tidy up {}", folder.display()),
                error,
                "make the folder writable and run the same command again",
            )),
            _ => Ok(()),
        }
    }

    fn at(&self, name: &str) -> Path {
        name.split('/')
            .filter(|part| !part.is_empty())
            .fold(self.root.clone(), |path, part| path.join(part))
    }

    fn failed(&self, doing: &str, name: &str, error: Error) -> Failure {
        let what = format!("cannot {doing} {name} of the lake {}", self.name);
        match (&self.medium, said_by_the_disk(&error)) {
            (Medium::Folder(_), Some(error)) => {
                let hint =
                    "make the folder writable and run the same command again; nothing is lost";
                Failure::file(what, error, hint)
            }
            (Medium::Folder(_), None) => {
                Failure::usage(what, error).hint("nothing is lost: run the same command again")
            }
            (Medium::Cloud(cloud), _) if is_of_settings(&error) => Failure::usage(what, error)
                .hint(format!(
                    "nothing is lost: correct the URL or a setting. {}",
                    cloud.settings()
                )),
            (Medium::Cloud(cloud), _) => Failure::unreachable(what, error).hint(format!(
                "nothing is lost: run the same command again when the lake can be reached. {}",
                cloud.settings()
            )),
        }
    }
}

/// The failure to find a lake that this home has filled before.
///
/// A disk that is not mounted looks like a lake that was removed. Only a person knows which of them it is.
pub(super) fn not_there(lake: &str, missing: &str) -> Failure {
    let what = format!("cannot reach the lake {lake}");
    let why = format!("this home has filled the lake before, and {missing} is missing");
    Failure::unreachable(what, anyhow::anyhow!(why)).hint(
        "if its disk is not mounted, mount it and run the same command again; if the lake is gone for good, \
         `payersync lake sync` with --take-over begins it anew",
    )
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// Whether an object store refuses the request for what it says, so that waiting does not help.
///
/// Any other error, such as no connection or status 503, is an outage.
fn is_of_settings(error: &Error) -> bool {
    matches!(
        error,
        Error::NotFound { .. }
            | Error::InvalidPath { .. }
            | Error::NotSupported { .. }
            | Error::NotImplemented { .. }
            | Error::PermissionDenied { .. }
            | Error::Unauthenticated { .. }
            | Error::UnknownConfigurationKey { .. }
    )
}

fn unusable(folder: &FilePath, error: io::Error) -> Failure {
    let hint = "check that the folder's parent exists and that this user may write to it";
    Failure::file(format!("cannot use the lake {}", folder.display()), error, hint)
}

/// The operating system's error, if the lake is a folder and a file of it failed.
fn said_by_the_disk(error: &Error) -> Option<io::Error> {
    let first: &(dyn std::error::Error + 'static) = error;
    successors(Some(first), |error| error.source())
        .find_map(|error| error.downcast_ref::<io::Error>()?.raw_os_error())
        .map(io::Error::from_raw_os_error)
}

fn unknown(url: &Url) -> Failure {
    // The rest of the URL may be a key.
    Failure::misuse(format!("a lake cannot be at a {}: URL", url.scheme()))
        .hint(format!("name {PLACES}"))
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    block_in_place(|| Handle::current().block_on(work))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode;
    use object_store::memory::InMemory;

    #[test]
    fn an_outage_of_an_object_store_is_no_wrong_setting() {
        let store = Store {
            files: Arc::new(InMemory::new()),
            root: Path::default(),
            name: "s3://bucket/lake".to_owned(),
            medium: Medium::Cloud(Cloud::S3),
        };
        let path = || "lake/claim".to_owned();
        for (error, code) in [
            (Error::Generic { store: "S3", source: "503".into() }, ExitCode::Unreachable),
            (Error::PermissionDenied { path: path(), source: "403".into() }, ExitCode::Usage),
            (Error::Unauthenticated { path: path(), source: "401".into() }, ExitCode::Usage),
            // The bucket does not exist.
            (Error::NotFound { path: path(), source: "404".into() }, ExitCode::Usage),
        ] {
            let failure = store.failed("write", "claim", error);
            assert_eq!(failure.code(), code, "{failure}");
            assert!(failure.what_to_do().contains("AWS_REGION"), "{}", failure.what_to_do());
        }
    }
}
