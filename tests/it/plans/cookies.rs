//! `cookies = true`: a load balancer that keeps a search at one server by a cookie.

use crate::support::{Home, Payer};
use payersync::sandbox::Options;

fn stored(home: &Home, payer: &Payer) -> bool {
    let claims: i64 = home.value(
        "SELECT count(*) FROM resource WHERE resource_type = 'ExplanationOfBenefit'
         AND deleted_at IS NULL",
    );
    claims == 2 * payer.resources(0, "ExplanationOfBenefit").len() as i64
}

#[test]
fn pages_behind_a_balancer_come_with_its_cookie_which_stays_in_memory() {
    let options = Options { sticky: true, members: 2, claims_per_member: 25, ..Options::plain() };
    let payer = Payer::start(options);
    let lost = || payer.requests().iter().filter(|request| request.status == 410).count();
    let home = payer.connected_home();
    payer.connect(&home, "mary", 1);
    home.run(&["sync"]);
    let without = lost();
    assert!(without > 0, "no page was asked for without its cookie");
    payer.configure(&home, "cookies = true\n");
    let synced = home.run(&["--log-format", "json", "--log", "debug", "sync", "--full"]);
    assert_eq!(synced.code, 0, "{}", synced.stderr);
    assert_eq!(lost(), without, "each connection sends back its own cookie");
    assert!(stored(&home, &payer));
    assert!(!synced.stderr.contains("node="), "a cookie was logged");
    for name in home.names() {
        let bytes = std::fs::read(home.file(&name)).unwrap_or_default();
        assert!(!bytes.windows(6).any(|it| it == b"node=n"), "{name} holds a cookie");
    }
}
