//! `payersync demo`: connects, syncs and shows results with the embedded payer, over real HTTP.
//!
//! The demo has a folder of its own, so that synthetic members are never mixed with real ones.

mod like;

use super::{
    consent::{Consent, give, give_without_consent, redeem},
    failure::Failure,
    home, lock, print,
    progress::{self, Style},
    query, sandbox, show, stop_signal,
    sync::{Run, options, run_once, tell_problems},
    targets::targets,
    tell, tell_summary,
};
use crate::{
    auth::{AuthorizeRequest, CallbackListener, ClientRegistration, Redirected},
    cli::{DemoArgs, QueryFormat},
    config::{FILE_NAME, PlanSettings, Settings},
    exit_code::ExitCode,
    http::{BodyFormat, Get, HttpClient, PostForm, nothing_fresh, silently},
    outcome::WalkState,
    plural,
    sandbox::{Identity, Like, Sandbox},
    sync::Report,
    warehouse::{ConnectionRow, ReadOnlyWarehouse, Warehouse},
};
use secrecy::SecretString;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use url::Url;

/// The first line of a demo's configuration; a folder whose configuration lacks it may be a real home.
const MARK: &str = "# Written by `payersync demo` for the embedded payer; written anew each time.";

const PLAN: &str = "demo";

/// The first questions of an analyst, in words and in SQL.
const QUESTIONS: [(&str, &str); 3] = [
    (
        "What was charged, what did the plan pay, what does the member owe?",
        "SELECT kind, count(*) AS claims,
       printf('%.2f', sum(submitted_amount)) AS submitted,
       printf('%.2f', sum(plan_paid_amount)) AS plan_paid,
       printf('%.2f', sum(member_liability_amount)) AS member_owes
FROM claim_current GROUP BY kind ORDER BY sum(submitted_amount) DESC",
    ),
    (
        "Which providers were paid most, and for how many claims?",
        "SELECT provider_name AS provider, count(*) AS claims,
       printf('%.2f', sum(plan_paid_amount)) AS plan_paid
FROM claim_current GROUP BY provider_npi
ORDER BY sum(plan_paid_amount) DESC LIMIT 5",
    ),
    (
        "Is anything missing?",
        "SELECT connection, count(*) AS types, sum(state = 'complete') AS complete,
       sum(state IN ('not_served', 'skipped')) AS left_out,
       sum(resources) AS resources, sum(rejects) AS rejects
FROM completeness GROUP BY connection",
    ),
];

/// Short delays: the payer is on this machine, so waiting as long as for a real plan has no use.
const HASTE: &str = "
[http]
initial_delay_milliseconds = 50
max_delay_seconds = 1
read_timeout_seconds = 5
";

/// The demo's folder if no home is named. Each platform has its own, since a consent belongs to one plan.
fn default_folder(like: Like) -> PathBuf {
    match like.name() == Like::default().name() {
        true => PathBuf::from("payersync-demo"),
        false => PathBuf::from(format!("payersync-demo-{}", like.name())),
    }
}

/// Runs the demo; its exit code is that of the sync.
pub(super) async fn run(
    DemoArgs { keep, sandbox: args }: &DemoArgs,
    home: Option<PathBuf>,
    style: Style,
) -> Result<ExitCode, Failure> {
    if let Some(listed) = sandbox::list(args) {
        return listed;
    }
    let folder = home.unwrap_or_else(|| default_folder(args.like));
    home::create(&folder)?;
    refuse_real_home(&folder)?;
    let lock = lock::take(&folder, "demo")?;
    let keys = like::client_keys(&folder, args.like)?;
    let payer = sandbox::start(0, args, Some(like::NAMED_ORIGIN), keys).await?;
    let (settings, plan) = configure(&folder, args.like, &payer)?;
    tell(&format!(
        "The embedded payer serves {} at {}",
        plural::count(args.members, "synthetic member"),
        payer.origin()
    ));
    if plan != PLAN {
        tell(&format!("It behaves like {}; the plan is the preset {plan}", args.like.title()));
    }
    let monitor = progress::monitor(style);
    let warehouse = Arc::new(home::warehouse(&settings, &*monitor)?);
    let http = home::http(&settings)?;
    let tokens = home::tokens(&settings, &http)?;
    let settings_plan = settings.plan(&plan)?;
    let connections =
        connect(&payer, args.members, &settings, settings_plan, &http, &warehouse).await?;
    let targets = targets(&settings, connections, &http).await;
    let left_out = targets.tell_left_out();
    let mut options = options(&settings, "demo", false, Vec::new());
    options.keeps_walks = true;
    let stop = stop_signal::listen(None);
    let (stopped, is_kept) = (stop.clone(), *keep);
    let run = Run { warehouse: &warehouse, http: &http, tokens, monitor, stop };
    let report = run_once(run, targets.ready, &[], &options).await?;
    if let Some(warehouse) = Arc::into_inner(warehouse) {
        warehouse.close();
    }
    show_result(&settings, &report)?;
    tell_problems(&report);
    tell_summary(&report);
    drop(lock);
    tell_where(&folder);
    if is_kept && !stopped.is_asked() {
        tell(&format!("The payer is still up at {}; Ctrl-C stops it.", payer.origin()));
        tell("In another terminal:");
        tell(&format!("  payersync --home {} sync", folder.display()));
        stopped.asked().await;
    } else {
        tell(
            "The payer has stopped, so `sync` here reaches no plan. `demo --keep` leaves the \
             payer running",
        );
    }
    payer.stop().await;
    Ok(report.exit_code().worst(left_out))
}

fn refuse_real_home(folder: &Path) -> Result<(), Failure> {
    let path = folder.join(FILE_NAME);
    match fs::read_to_string(&path) {
        Ok(text) if !text.starts_with(MARK) => Err(Failure::misuse(format!(
            "{} is not the home of a demo; synthetic members must not be mixed with real ones",
            path.display()
        ))
        .hint("name an empty folder with --home")),
        // If the file is missing, the folder is new. If it is unreadable, writing it fails with a better
        // message.
        _ => Ok(()),
    }
}

/// Writes the configuration that a user would have written for this payer.
///
/// Returns the settings and the name of the plan.
fn configure(folder: &Path, like: Like, payer: &Sandbox) -> Result<(Settings, String), Failure> {
    if let Some(preset) = like.preset() {
        let text = format!("{MARK}\n{}{HASTE}", like::section(like, preset, payer)?);
        home::write_private(&folder.join(format!("{preset}.secret")), payer.client_secret())?;
        home::write_private(&folder.join(FILE_NAME), &text)?;
        return Ok((Settings::load(folder)?, preset.to_owned()));
    }
    let secret = "demo.secret";
    let text = format!(
        "{MARK}\n[plans.{PLAN}]\nfhir_url = {:?}\nauthorize_url = {:?}\ntoken_url = {:?}\n\
         client_id = {:?}\nclient_secret_file = {secret:?}\nredirect_url = \"http://127.0.0.1:0/callback\"\n\
         proxied_origins = [{:?}]\nrequests_per_second = 1000\npage_size = 10\n{HASTE}",
        payer.fhir_url(),
        payer.authorize_url(),
        payer.token_url(),
        payer.client_id(),
        like::NAMED_ORIGIN,
    );
    home::write_private(&folder.join(secret), payer.client_secret())?;
    home::write_private(&folder.join(FILE_NAME), &text)?;
    Ok((Settings::load(folder)?, PLAN.to_owned()))
}

/// Lets every synthetic member consent, as a person with a browser would.
async fn connect(
    payer: &Sandbox,
    members: u32,
    settings: &Settings,
    plan: &PlanSettings,
    http: &HttpClient,
    warehouse: &Warehouse,
) -> Result<Vec<ConnectionRow>, Failure> {
    let vault = home::vault(&settings.home)?;
    let mut connections = Vec::new();
    for member in 0..members {
        let who = payer.identity(member);
        let mut registration = home::registration(plan, http).await?;
        let name = connection_name(&who, member);
        if !plan.grant().has_endpoint() {
            let consent = Consent {
                home: &settings.home,
                name: &name,
                member: Some(&name),
                registration: &registration,
            };
            let patient = Some(payer.patient_id(member));
            connections.push(give_without_consent(&consent, patient, warehouse).await?);
            continue;
        }
        let answer = consent_in_browser(&mut registration, &who, http).await?;
        let consent = Consent {
            home: &settings.home,
            name: &name,
            member: Some(&name),
            registration: &registration,
        };
        let grant = redeem(&consent, &answer, http).await?;
        connections.push(give(&consent, &grant, &vault, warehouse).await?);
    }
    let names: Vec<_> = connections.iter().take(5).map(|row| row.name.as_str()).collect();
    let more = if connections.len() > names.len() { ", ..." } else { "" };
    tell(&format!("Consented: {}{more}", names.join(", ")));
    Ok(connections)
}

fn connection_name(who: &Identity, member: u32) -> String {
    let letters = |text: &str| text.replace(|c: char| !c.is_alphanumeric(), "").to_lowercase();
    let name = format!("{}-{}", letters(&who.first_name), letters(&who.last_name));
    if member == 0 { name } else { format!("{name}-{}", member + 1) }
}

/// Opens the consent page, fills in the form and follows the redirect to the demo's own listener.
async fn consent_in_browser(
    registration: &mut ClientRegistration,
    who: &Identity,
    http: &HttpClient,
) -> Result<Redirected, Failure> {
    let listener = CallbackListener::bind(registration.redirect_url.url()).await?;
    registration.redirect_url =
        registration.redirect_url.clone().with_free_port(listener.redirect_url());
    let request = AuthorizeRequest::new(registration)?;
    let form = [
        ("first_name", who.first_name.as_str()),
        ("last_name", &who.last_name),
        ("birth_date", &who.birth_date),
        ("member_id", &who.member_id),
        ("zip", &who.zip),
    ];
    let failed = |error| Failure::usage("the embedded payer does not answer", error);
    let post = PostForm {
        url: &request.url,
        fields: &form,
        format: BodyFormat::Form,
        fresh: &nothing_fresh,
        basic: None,
        retry: false,
        give_up: None,
        on_retry: &silently,
    };
    let answer = http.post_form(post).await.map_err(failed)?;
    let location = answer.location.as_deref().and_then(|location| Url::parse(location).ok());
    let Some(location) = location else {
        return Err(Failure::misuse(format!(
            "the embedded payer did not accept the consent (status {})",
            answer.status
        )));
    };
    let visit = async {
        let get = Get::new(&location, "text/html");
        http.get(get).await.map(drop).map_err(failed)
    };
    let (code, visited) =
        tokio::join!(listener.wait(&request.expected, Duration::from_secs(30)), visit);
    visited?;
    let code: SecretString = code?;
    Ok(Redirected { code, verifier: request.verifier, nonce: request.nonce })
}

/// Shows the tables that were filled, and three questions with their answers.
fn show_result(settings: &Settings, report: &Report) -> Result<(), Failure> {
    let warehouse = ReadOnlyWarehouse::open(&home::existing_warehouse(&settings.home)?)?;
    let mut table = show::table(&["type", "pages", "resources", "new", "unchanged", "rows"]);
    for (name, [pages, seen, new, unchanged, rows]) in by_type(report) {
        let numbers = [pages, seen, new, unchanged, rows].map(|number| number.to_string());
        table.add_row(std::iter::once(name).chain(numbers));
    }
    (1..=5).for_each(|column| show::right(&mut table, column));
    let mut asked = Ok(());
    print(|out| {
        writeln!(out, "{table}")?;
        for (question, sql) in QUESTIONS {
            writeln!(out, "\n{question}\n\n{sql};\n")?;
            let question = query::Question { sql, parameters: &[] };
            match query::answer(&warehouse, &question, QueryFormat::Table, out) {
                Ok(written) => written?,
                Err(error) => {
                    asked = Err(error);
                    break;
                }
            }
        }
        Ok(())
    })?;
    Ok(asked?)
}

fn by_type(report: &Report) -> Vec<(String, [u64; 5])> {
    let mut sums: Vec<(String, [u64; 5])> = Vec::new();
    let walks = report.connections.iter().flat_map(|connection| &connection.walks);
    for walk in walks.filter(|walk| walk.finish.state != WalkState::NotServed) {
        let counters = &walk.counters;
        let add = [
            counters.pages,
            counters.resources_seen,
            counters.resources_new,
            counters.resources_unchanged,
            counters.rows_written,
        ];
        match sums.iter_mut().find(|(name, _)| *name == walk.resource_type) {
            Some((_, sum)) => sum.iter_mut().zip(add).for_each(|(sum, add)| *sum += add),
            None => sums.push((walk.resource_type.clone(), add)),
        }
    }
    sums
}

fn tell_where(folder: &Path) {
    let folder = folder.display();
    tell(&format!("The warehouse is {folder}/warehouse.db."));
    tell("Open it with any SQLite tool, or try:");
    tell(&format!("  payersync --home {folder} tables spend_by_month"));
    // Printed on two lines that can be pasted as one command.
    tell(&format!("  payersync --home {folder} query \\"));
    tell("    \"SELECT month_date, category, plan_paid_amount FROM spend_by_month\"");
    tell(&format!("  payersync --home {folder} status"));
}
