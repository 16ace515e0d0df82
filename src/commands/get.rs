//! `payersync get`: sends one authenticated request and prints the answer, to see what a plan really sends.
//!
//! The request goes only to the connection's own FHIR server. Nothing of the answer is stored.

use super::{
    failure::Failure, home, print, settled::require_settled, shard, sync::chosen, system, tell,
};
use crate::{
    cli::{GetArgs, ShardArgs},
    clock::Clock,
    config::Settings,
    exit_code::ExitCode,
    fhir::{Bundle, FetchError, FhirClient, Pager},
    http::Origin,
    plural,
    sync::key_of,
    warehouse::{Access, log_access},
};
use std::{collections::HashSet, path::Path, sync::Arc};
use url::Url;

/// The number of pages in a row without a new resource after which `--paginate` stops.
const MAX_STALE_PAGES: usize = 3;

/// Sends the request and prints the bytes of the answer; with --paginate, follows the next links.
pub(super) async fn run(folder: &Path, args: &GetArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load(folder)?.of_shard(shard::chosen(&ShardArgs::default())?);
    let warehouse = home::warehouse_to_look(&settings, "get")?;
    let names = [args.connection.clone()];
    let row = chosen(&warehouse, &names, settings.shard)?.swap_remove(0);
    require_settled(&row)?;
    let plan = settings.plan(row.plan_name())?;
    let first = target(&plan.fhir_url, &args.path)?;
    let mut pager = Pager::new(&first, &plan.proxied_origins)
        .map_err(|error| Failure::usage("the URL", error))?;
    let mut next = Some(first);
    let http = home::http(&settings)?;
    let registration = Arc::new(home::registration(plan, &http).await?);
    let tokens = home::tokens(&settings, &http)?;
    let key = key_of(&row);
    let client = FhirClient::new(http, tokens, key, registration, Clock::system());
    let access = Access {
        os_user: system::user(),
        command: "get",
        connection_id: Some(row.id),
        target: None,
        detail: None,
    };
    let logged =
        log_access(&home::existing_warehouse(&settings.home)?, &access, Clock::system().now());
    match logged {
        // The answer is not copied to disk, so it is shown even if the access log cannot be written.
        Err(error) if error.is_closed_to_writing() => {
            tell(&format!("Not entered in the access log: {}", Failure::from(error)));
        }
        logged => logged?,
    }
    let mut code = ExitCode::Complete;
    let (mut met, mut stale_pages) = (HashSet::new(), 0);
    while let Some(url) = next.take() {
        let answer = client.raw(&url).await.map_err(failed)?;
        tell(&format!(
            "status {}, {}, {}",
            answer.status,
            plural::count(answer.body.len(), "byte"),
            answer.content_type.as_deref().unwrap_or("no Content-Type")
        ));
        print(|out| {
            out.write_all(&answer.body)?;
            if answer.body.ends_with(b"\n") { Ok(()) } else { writeln!(out) }
        })?;
        if !answer.is_success() {
            code = ExitCode::Incomplete;
        } else if args.paginate {
            let bundle = Bundle::of_response(&answer)
                .map_err(|error| Failure::usage("not a page", error))?;
            pager.arrived(bundle.entries.is_empty()).map_err(Failure::misuse)?;
            let before = met.len();
            met.extend(bundle.entries.iter().map(|entry| entry.name(&answer.body)));
            // An empty page neither brings something new nor counts as stale.
            if !bundle.entries.is_empty() {
                stale_pages = if met.len() == before { stale_pages + 1 } else { 0 };
            }
            if stale_pages >= MAX_STALE_PAGES {
                let pages = plural::count(stale_pages, "page");
                tell(&format!("Stopped: {pages} in a row brought nothing new"));
                return Ok(ExitCode::Incomplete);
            }
            next = pager.follow(&answer.url, &bundle.next).map_err(Failure::misuse)?;
        }
    }
    Ok(code)
}

/// The URL of a request: a path below the FHIR base, or a URL on the same origin.
fn target(base: &Url, path: &str) -> Result<Url, Failure> {
    let url = match Url::parse(path) {
        Ok(url) => Ok(url),
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            let base = base.as_str().trim_end_matches('/');
            Url::parse(&format!("{base}/{}", path.trim_start_matches('/')))
        }
        Err(error) => Err(error),
    };
    let url = url.map_err(|error| Failure::usage("that is neither a path nor a URL", error))?;
    same_origin(base, url)
}

fn same_origin(base: &Url, url: Url) -> Result<Url, Failure> {
    let (Ok(ours), theirs) = (Origin::of(base), Origin::of(&url)) else {
        return Err(Failure::misuse("the plan's fhir_url is not an http(s) URL"));
    };
    match theirs {
        Ok(theirs) if theirs == ours => Ok(url),
        Ok(theirs) => Err(Failure::misuse(format!("the token is for {ours}, not for {theirs}"))
            .hint("give a path below the plan's fhir_url, e.g. Patient")),
        Err(_) => Err(Failure::misuse("that URL is not http(s)")),
    }
}

fn failed(error: FetchError) -> Failure {
    match error {
        FetchError::Token(error) => error.into(),
        error => Failure::unreachable("the request failed", error),
    }
}
