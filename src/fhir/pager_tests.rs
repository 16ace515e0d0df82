//! Tests of the pager: which links are followed, and which page is the last.

use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn follow(pager: &mut Pager, page: &Url, links: &[&str]) -> Result<Url, PagingError> {
    let links = links.iter().map(|link| (*link).to_owned()).collect();
    pager.follow(page, &Next::Links(links)).map(Option::unwrap)
}

#[test]
fn links_are_resolved_against_the_page_they_stand_on() {
    let page = url("https://api.x.test/r4/Coverage?_count=10");
    for (link, expected) in [
        (
            "https://api.x.test/fhir/r4/Coverage?_after=1",
            "https://api.x.test/fhir/r4/Coverage?_after=1",
        ),
        ("?_after=2", "https://api.x.test/r4/Coverage?_after=2"),
        ("Coverage?_after=3", "https://api.x.test/r4/Coverage?_after=3"),
        ("/r4/coverage?_after=4", "https://api.x.test/r4/coverage?_after=4"),
        ("//api.x.test/r4/Coverage?_after=5", "https://api.x.test/r4/Coverage?_after=5"),
        ("api.x.test/r4/Coverage?_after=6", "https://api.x.test/r4/Coverage?_after=6"),
        ("https://API.x.test:443/r4/Coverage?_after=7", "https://api.x.test/r4/Coverage?_after=7"),
    ] {
        let mut pager = Pager::new(&page, &[]).unwrap();
        assert_eq!(follow(&mut pager, &page, &[link]).unwrap().as_str(), expected, "{link}");
    }
}

#[test]
fn another_origin_is_never_followed() {
    let page = url("https://api.x.test/r4/Coverage");
    for link in [
        "https://evil.test/r4/Coverage?_after=1",
        "http://api.x.test/r4/Coverage?_after=1",
        "https://api.x.test:8443/r4/Coverage?_after=1",
        "//evil.test/r4/Coverage",
        "https://api.x.test@evil.test/",
        "https:\\\\evil.test/",
    ] {
        let error = follow(&mut Pager::new(&page, &[]).unwrap(), &page, &[link]).unwrap_err();
        assert!(matches!(error, PagingError::ForeignOrigin { .. }), "{link}: {error:?}");
    }
    for link in ["ftp://api.x.test/", "data:,x", "javascript:alert(1)", "http://"] {
        let error = follow(&mut Pager::new(&page, &[]).unwrap(), &page, &[link]).unwrap_err();
        assert_eq!(error, PagingError::NotAUrl, "{link}");
    }
}

#[test]
fn a_password_in_a_link_goes_no_further() {
    let page = url("https://api.x.test/r4/Coverage");
    let link = "https://member:secret@api.x.test/r4/Coverage?_after=1";
    let next = follow(&mut Pager::new(&page, &[]).unwrap(), &page, &[link]).unwrap();
    assert_eq!(next.as_str(), "https://api.x.test/r4/Coverage?_after=1");
}

#[test]
fn the_search_of_another_type_is_not_the_next_page() {
    let page = url("https://api.x.test/r4/Coverage");
    for link in ["/r4/Patient?_after=1", "ExplanationOfBenefit", "/r4/Patient/?_after=1"] {
        let error = follow(&mut Pager::new(&page, &[]).unwrap(), &page, &[link]).unwrap_err();
        assert_eq!(error, PagingError::OtherType, "{link}");
    }
    for link in ["/r4?_getpages=1", "/r4/Bundle?page=2", "/r4/Patient/7/Coverage?page=2"] {
        follow(&mut Pager::new(&page, &[]).unwrap(), &page, &[link]).unwrap();
    }
    let of_no_type = url("https://api.x.test/r4/page/7");
    let mut pager = Pager::new(&of_no_type, &[]).unwrap();
    follow(&mut pager, &of_no_type, &["/r4/Coverage?page=2"]).unwrap();
}

#[test]
fn a_configured_proxy_is_followed_at_the_walks_own_origin() {
    let page = url("https://api.x.test/r4/Coverage");
    let proxied = ["http://internal:8080".parse().unwrap()];
    let mut pager = Pager::new(&page, &proxied).unwrap();
    let next = follow(&mut pager, &page, &["http://internal:8080/r4/Coverage?_after=1"]).unwrap();
    assert_eq!(next.as_str(), "https://api.x.test/r4/Coverage?_after=1");
    let error =
        follow(&mut pager, &page, &["http://internal:8081/r4/Coverage?_after=2"]).unwrap_err();
    assert!(matches!(error, PagingError::ForeignOrigin { .. }));
}

#[test]
fn a_circle_is_noticed_whatever_its_length() {
    let first = url("https://api.x.test/r4/Coverage?_count=10");
    let mut pager = Pager::new(&first, &[]).unwrap();
    let second = follow(&mut pager, &first, &["?_after=1"]).unwrap();
    let third = follow(&mut pager, &second, &["?_after=2"]).unwrap();
    assert_eq!(follow(&mut pager, &third, &["?_after=1"]), Err(PagingError::Loop));
    assert_eq!(follow(&mut pager, &third, &["?_after=2#again"]), Err(PagingError::Loop));
    assert_eq!(follow(&mut pager, &third, &[first.as_str()]), Err(PagingError::Loop));
}

#[test]
fn some_empty_pages_are_passed_and_too_many_in_a_row_are_the_end() {
    let mut pager = Pager::new(&url("https://api.x.test/r4/Coverage"), &[]).unwrap();
    pager.arrived(true).unwrap();
    pager.arrived(false).unwrap();
    let empty = (1..).find(|_| pager.arrived(true).is_err());
    assert_eq!(empty, Some(MAX_EMPTY_PAGES));
}

#[test]
fn a_full_first_page_that_says_nothing_of_others_is_no_last_one() {
    let first = url("https://api.x.test/r4/Coverage?_count=2");
    let of = |members: &str, entries: &str| {
        let text = format!(r#"{{"resourceType":"Bundle"{members},"entry":[{entries}]}}"#);
        Bundle::index(text.as_bytes()).unwrap()
    };
    let last = |page: &str, bundle: &Bundle| {
        Pager::new(&first, &[]).unwrap().last(&url(page), bundle).map(|last| last.is_some())
    };
    const TWO: &str = r#"{"resource":{"id":"a"}},{"resource":{"id":"b"}}"#;
    assert_eq!(last(first.as_str(), &of("", TWO)), Err(PagingError::Unlinked));
    let mut resumed = Pager::resumed(&first, &[]).unwrap();
    assert!(resumed.last(&first, &of("", TWO)).unwrap().is_none());
    // What is not a match does not fill a page.
    let along = r#"{"resource":{"id":"a"}},{"resource":{"id":"b"},"search":{"mode":"include"}}"#;
    assert_eq!(last(first.as_str(), &of("", along)), Ok(false));
    let more = format!(r#"{along},{{"resource":{{"id":"c"}}}}"#);
    assert_eq!(last(first.as_str(), &of("", &more)), Err(PagingError::Unlinked));
    for told in [
        r#","total":2"#,
        r#","link":[{"relation":"self","url":"?_count=2"}]"#,
        r#","link":[{"relation":"last","url":"?_count=2"}]"#,
    ] {
        assert_eq!(last(first.as_str(), &of(told, TWO)), Ok(false), "{told}");
    }
    for page in ["?_count=3", "?_count=1", "?_id=a,b&_count=2", "", "?_count=two"] {
        let page = format!("https://api.x.test/r4/Coverage{page}");
        assert_eq!(last(&page, &of("", TWO)), Ok(false), "{page}");
    }
    // A page as long as a server may send at most, whatever is asked for.
    let many = |number: usize| {
        let entry = |id| format!(r#"{{"resource":{{"id":"{id}"}}}}"#);
        (0..number).map(entry).collect::<Vec<_>>().join(",")
    };
    for (page, number, expected) in [
        ("?_count=100", 50, Err(PagingError::Unlinked)),
        ("?_count=100", 51, Ok(false)),
        ("?_count=100", 5, Ok(false)),
        ("?_count=30", 50, Ok(false)),
        ("", 25, Err(PagingError::Unlinked)),
    ] {
        let page = format!("https://api.x.test/r4/Coverage{page}");
        assert_eq!(last(&page, &of("", &many(number))), expected, "{page} {number}");
        assert_eq!(last(&page, &of(r#","total":50"#, &many(number))), Ok(false), "{page}");
    }
    let everything = "https://api.x.test/r4/Patient/7/$everything";
    assert_eq!(last(everything, &of("", &many(50))), Ok(false));
    // After a link that was followed, the page without a link is the last.
    let mut pager = Pager::new(&first, &[]).unwrap();
    let second = follow(&mut pager, &first, &["?_count=2&_after=b"]).unwrap();
    assert_eq!(pager.last(&second, &of("", TWO)), Ok(None));
}

#[test]
fn several_links_are_followed_where_they_lead_to_one_page() {
    let page = url("https://api.x.test/r4/Coverage?_count=10");
    let mut pager = Pager::new(&page, &[]).unwrap();
    let same = ["?_after=1", "Coverage?_after=1", "https://API.x.test/r4/Coverage?_after=1"];
    let next = follow(&mut pager, &page, &same).unwrap();
    assert_eq!(next.as_str(), "https://api.x.test/r4/Coverage?_after=1");
    let other = ["?_after=2", "?_after=3"];
    assert_eq!(follow(&mut pager, &page, &other), Err(PagingError::Ambiguous));
    let unusable = Next::Unusable(UnusableNext::NoUrl);
    assert_eq!(pager.follow(&page, &unusable), Err(UnusableNext::NoUrl.into()));
    assert_eq!(pager.follow(&page, &Next::None), Ok(None));
}
