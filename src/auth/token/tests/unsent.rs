//! A refresh that the token endpoint never saw.

use super::*;

#[tokio::test]
async fn a_refresh_that_never_left_this_machine_leaves_no_mark_of_its_own() {
    let mut fixture = Fixture::new().await;
    // Nobody listens at this port any more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    fixture.registration = ClientRegistration::at(&nobody);
    let origin = fixture.registration.fhir_origin().unwrap();
    let mut grant = fixture.stored();
    (grant.fhir_origin, grant.token_origin) = (origin.clone(), origin);
    fixture.vault.put("c1", &grant).unwrap();
    assert!(fixture.bearer(100).await.unwrap_err().is_unavailable());
    assert_eq!(fixture.stored().refresh_begun_at, None);
    // The answer to an earlier refresh may still have been lost.
    let generation = fixture.stored().generation;
    assert!(fixture.vault.begin_refresh("c1", generation, START).unwrap());
    assert!(fixture.bearer(100).await.unwrap_err().is_unavailable());
    assert_eq!(fixture.stored().refresh_begun_at, Some(START));
}
