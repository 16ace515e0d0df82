//! `payersync connect`: a member consents in the browser.

use super::{
    browser,
    consent::{Consent, another_patients, give, give_to_client, give_without_consent, redeem, uid},
    failure::{self, Failure},
    home, lock,
    make_room::make_room,
    pending,
    purge::Erased,
    revoke::revoke_unless_stored,
    stop_signal, strays, tell,
};
use crate::{
    auth::{
        AuthorizeError, AuthorizeRequest, CallbackError, CallbackListener, ClientRegistration,
        GrantKind, Redirected, ResponseMode, patient_id, require_known_token_origin,
    },
    cli::ConnectArgs,
    config::{PlanSettings, Settings},
    exit_code::ExitCode,
    plural,
    warehouse::{ConnectionRow, ReadOnlyWarehouse, Warehouse},
};
use secrecy::SecretString;
use std::{io, path::Path, time::Duration};

/// Asks the member for consent and stores the grant.
pub(super) async fn run(folder: &Path, args: ConnectArgs) -> Result<ExitCode, Failure> {
    check_name(&args.name)?;
    let settings = Settings::load(folder)?;
    let plan = settings.plan(&args.plan)?;
    if plan.grant().has_endpoint() && plan.has_placeholder_client_id() {
        return Err(no_client_id(plan));
    }
    let http = home::http(&settings)?;
    let mut registration = home::registration(plan, &http).await?;
    if let Some(own) = settings.connection_parameters.get(&args.name) {
        if plan.grant() != GrantKind::AuthorizationCode {
            return Err(Failure::misuse(format!(
                "connections.{} has authorize_parameters, but plan {} asks no member for consent",
                args.name, plan.name
            ))
            .hint("remove them from payersync.toml"));
        }
        registration.set_authorize_params(own);
    }
    let warehouse = home::warehouse_beside_a_run(&settings)?;
    // The name is checked first: no member should be asked for a consent under a name that is taken.
    uid(&warehouse, &args.name, &plan.name)?;
    let patient = named_patient(&args, plan, &warehouse)?;
    // The token endpoint is checked before anything is sent: if it has moved to another origin, renewing the
    // consent would send the client secret there.
    if plan.grant().has_endpoint() {
        require_known_token_origin(&home::vault(folder)?, &registration, &args.name)?;
    }
    let member = args.member.as_deref();
    let (mut erased, mut is_for_another, mut is_unnamed) = (None, false, false);
    let row = match plan.grant() {
        GrantKind::None | GrantKind::Token => {
            let consent =
                Consent { home: folder, name: &args.name, member, registration: &registration };
            let row = give_without_consent(&consent, patient, &warehouse).await?;
            warehouse.close();
            row
        }
        GrantKind::ClientCredentials => {
            let consent =
                Consent { home: folder, name: &args.name, member, registration: &registration };
            let tokens = home::tokens(&settings, &http)?;
            let row = give_to_client(&consent, patient, &tokens, &warehouse).await?;
            warehouse.close();
            row
        }
        GrantKind::AuthorizationCode => {
            let vault = home::vault(folder)?;
            let (registration, answer) = ask(folder, &args, registration).await?;
            let consent =
                Consent { home: folder, name: &args.name, member, registration: &registration };
            // The code is about to be spent. A signal that ended the process from here on would throw away
            // tokens that are stored nowhere and that nobody could revoke.
            let stop = stop_signal::listen_and_say(
                "Stopping as soon as the new consent is stored or revoked",
                None,
            );
            let grant = redeem(&consent, &answer, &http).await?;
            is_unnamed = grant.patient.is_none() && !plan.dependants;
            let stored = async {
                let held = another_patients(&warehouse, &args.name, &plan.bases, &grant)?;
                is_for_another = held.is_some();
                let warehouse = match held {
                    Some(held) => {
                        let (warehouse, made) =
                            make_room(&settings, &args, &held, warehouse, &vault, &stop).await?;
                        erased = Some(made);
                        warehouse
                    }
                    None => warehouse,
                };
                let row = give(&consent, &grant, &vault, &warehouse).await?;
                warehouse.close();
                Ok::<_, Failure>(row)
            };
            match stored.await {
                Ok(row) => row,
                Err(failure) => {
                    // The code is spent. Tokens that are thrown away here could be revoked by nobody.
                    revoke_unless_stored(&settings, &grant, is_for_another, &vault).await;
                    return Err(failure);
                }
            }
        }
    };
    // The consent has been answered, so the pending request is of no more use.
    let _ = pending::forget(folder, &args.name);
    tell(&format!("Connected {} {}", row.name, row.source()));
    if is_unnamed {
        tell("The plan does not name the patient: whose data this is shows with the next sync");
    }
    // The consent is stored. What fails from here on is told and fails nothing: the next `connect` or
    // `doctor` finds it again, and the outcome of the purge above is still to be reported.
    if plan.grant().has_endpoint()
        && let Err(failure) = remove_replaced(&settings, &row).await
    {
        failure.tell();
    }
    if let Err(failure) = tell_who_is_there(&settings, &row) {
        failure.tell();
    }
    if let Some(scope) = row.scope {
        tell(&format!("Scope: {scope}"));
    }
    tell(&format!("Next: `payersync sync {}`", row.name));
    // What the purge of the other patient's data could not do is reported, now that nothing else can be lost.
    erased.map_or(Ok(ExitCode::Complete), Erased::outcome)
}

/// Removes the tokens that the new consent replaces and that no connection uses.
async fn remove_replaced(settings: &Settings, row: &ConnectionRow) -> Result<(), Failure> {
    if let Some(vault) = strays::existing_vault(&settings.home)? {
        let _no_consent = lock::take_for_consent(&settings.home, "connect")?;
        strays::remove_replaced(settings, &vault, row).await?;
    }
    Ok(())
}

/// The failure of a plan whose client id is still the placeholder.
///
/// It is raised before the member is sent to the plan, which would refuse the client in the browser.
fn no_client_id(plan: &PlanSettings) -> Failure {
    let name = &plan.name;
    Failure::misuse(format!("plan {name}: client_id is still the placeholder of the template"))
        .hint(format!(
            "enter the id that the plan's developer portal shows for your app as client_id in \
             [plans.{name}] of payersync.toml"
        ))
}

/// Tells the user if the same patient of the same plan is already connected under another name.
fn tell_who_is_there(settings: &Settings, row: &ConnectionRow) -> Result<(), Failure> {
    let file = home::existing_warehouse(&settings.home)?;
    for other in ReadOnlyWarehouse::open(&file)?.connections()? {
        let is_same = other.plan == row.plan && other.patient_id == row.patient_id;
        if other.id != row.id && row.patient_id.is_some() && is_same {
            tell(&format!(
                "This member is connected as {} already: the marts count each claim once, and \
                `payersync purge {}` removes one of the two connections",
                other.name, row.name
            ));
        }
    }
    Ok(())
}

/// The Patient id from the command line, for plans that do not say whose data they send.
fn named_patient(
    args: &ConnectArgs,
    plan: &PlanSettings,
    warehouse: &Warehouse,
) -> Result<Option<String>, Failure> {
    let held = warehouse.connection(&args.name)?.and_then(|row| row.patient_id);
    let Some(named) = &args.patient else {
        return match plan.grant() == GrantKind::None && !plan.dependants && held.is_none() {
            true => Err(Failure::misuse(format!(
                "plan {} asks no member for consent, so it does not say whose data it sends",
                plan.name
            ))
            .hint("name the member's Patient: --patient ID, or --patient - to type it")),
            false => Ok(None),
        };
    };
    if plan.grant() == GrantKind::AuthorizationCode {
        return Err(Failure::misuse("--patient is for backend services (client_credentials)")
            .hint("at this plan the consent says whose data it is: leave out --patient"));
    }
    let mut id = named.clone();
    if id == "-" {
        id.clear();
        io::stdin()
            .read_line(&mut id)
            .map_err(|error| Failure::usage("cannot read the Patient's id", error))?;
    }
    let Some(id) = patient_id(id.trim()) else {
        // The text is not repeated in the message: it may be a member's id.
        return Err(Failure::misuse("the text of --patient is not the id of a FHIR resource")
            .hint("the id is what follows Patient/ in the plan's references, without spaces"));
    };
    match held.is_some_and(|held| held != id) {
        true => Err(Failure::misuse(format!("{} holds another patient's data", args.name))
            .hint("connect this one under another name")),
        false => Ok(Some(id)),
    }
}

/// Sends the member to the consent page; the returned registration has the redirect URL that was used.
async fn ask(
    folder: &Path,
    args: &ConnectArgs,
    mut registration: ClientRegistration,
) -> Result<(ClientRegistration, Redirected), Failure> {
    match args.code.as_deref() {
        None if registration.response_mode == Some(ResponseMode::Fragment) => {
            Err(Failure::misuse(format!(
                "plan {} puts its answer behind the # of a URL, and a browser does not send that \
                part to a server",
                args.plan
            ))
            .hint("use --code - and paste the URL that the browser ends at"))
        }
        None => {
            let mut listener = CallbackListener::bind(registration.redirect_url.url()).await?;
            registration.redirect_url =
                registration.redirect_url.with_free_port(listener.redirect_url());
            let request = show(folder, args, &registration)?;
            if !args.no_browser {
                let opened =
                    listener.start_page(&request.url).and_then(|page| browser::open(&page));
                if opened.is_err() {
                    tell("No browser was found; open the URL by hand");
                }
            }
            let time = match (args.timeout, args.timeout % 60) {
                (60.., 0) => plural::count(args.timeout / 60, "minute"),
                (seconds, _) => plural::count(seconds, "second"),
            };
            tell(&format!(
                "Waiting up to {time} for the answer at {} ...",
                listener.redirect_url()
            ));
            let timeout = Duration::from_secs(args.timeout);
            let code = listener.wait(&request.expected, timeout).await.inspect_err(|error| {
                if let CallbackError::Authorize(error) = error {
                    forget_if_denied(folder, args, error);
                }
            })?;
            Ok((
                registration,
                Redirected { code, verifier: request.verifier, nonce: request.nonce },
            ))
        }
        Some("-") => {
            let request = show(folder, args, &registration)?;
            tell(
                "Then paste the URL that the browser ends at (it may show an error), or the code:",
            );
            let mut line = String::new();
            io::stdin()
                .read_line(&mut line)
                .map_err(|error| Failure::usage("cannot read the code", error))?;
            let code = request
                .expected
                .code_from(&line)
                .inspect_err(|error| forget_if_denied(folder, args, error))?;
            Ok((
                registration,
                Redirected { code, verifier: request.verifier, nonce: request.nonce },
            ))
        }
        Some(pasted) => {
            let answer = answer_of(folder, args, pasted)?;
            Ok((registration, answer))
        }
    }
}

/// Deletes the pending request if this was its answer: the member or the plan said no.
fn forget_if_denied(folder: &Path, args: &ConnectArgs, error: &AuthorizeError) {
    if matches!(error, AuthorizeError::Denied { .. }) {
        let _ = pending::forget(folder, &args.name);
    }
}

fn show(
    folder: &Path,
    args: &ConnectArgs,
    registration: &ClientRegistration,
) -> Result<AuthorizeRequest, Failure> {
    let request = AuthorizeRequest::new(registration)?;
    pending::keep(folder, &args.name, &args.plan, &request).map_err(|error| {
        Failure::file("cannot store the pending consent", error, failure::WRITABLE)
    })?;
    tell("Let the member open this URL and consent:");
    tell(&format!("  {}", request.url));
    Ok(request)
}

/// Takes the code or URL from the command line as the answer to the request that an earlier call printed.
fn answer_of(folder: &Path, args: &ConnectArgs, pasted: &str) -> Result<Redirected, Failure> {
    let looks_like_url = pasted.contains("://") || pasted.contains("code=");
    match pending::find(folder, &args.name, &args.plan) {
        Some(pending) => {
            let code = pending
                .expected
                .code_from(pasted)
                .inspect_err(|error| forget_if_denied(folder, args, error))?;
            Ok(Redirected { code, verifier: pending.verifier, nonce: pending.nonce })
        }
        // A bare code that was obtained some other way is accepted. A URL is not: without a pending request
        // there is no state to compare it with, so it could be anybody's.
        None if looks_like_url => Err(Failure::misuse(format!(
            "no consent is pending for {} at plan {}, so this URL cannot be checked",
            args.name, args.plan
        ))
        .hint(format!(
            "`payersync connect {} --plan {} --code -` prints the URL to open and takes the answer",
            args.name, args.plan
        ))),
        None => {
            let code = SecretString::from(pasted.trim());
            Ok(Redirected { code, verifier: None, nonce: None })
        }
    }
}

/// Refuses a name that is not plain: names appear in file names, logs and SQL, and people type them.
pub(super) fn check_name(name: &str) -> Result<(), Failure> {
    let fine = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty() && name.len() <= 64 && name.chars().all(fine) && !name.starts_with('.') {
        return Ok(());
    }
    Err(Failure::misuse(format!("{name:?} cannot be a connection's name"))
        .hint("use letters, digits, '-', '_' and '.', at most 64"))
}
