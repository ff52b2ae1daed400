//! What is seen of servers that mean well, and what is said of it.

use super::*;
use crate::core::fleet::LeafId;

async fn seen(pair: &Pair) -> Seen {
    let config = honest(pair);
    let server = serving(config).await;
    look(server.address).await.result.unwrap()
}

#[tokio::test]
async fn the_whole_chain_is_seen_whatever_its_key_is_made_of() {
    let root = authority(1);
    let lifetime = Lifetime::of(NOON, Span::DAY);
    let profile = Profile::authority("intermediate");
    let entropy = Entropy::seeded(5);
    let below = root.intermediate(&profile, Algorithm::EcdsaP384, lifetime, &entropy).unwrap();
    let trust = Trust::from_pem(root.to_pem().ca.as_bytes()).unwrap();
    for algorithm in [Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::Ed25519] {
        let pair = Pair::of(&below, algorithm, lifetime);
        let seen = seen(&pair).await;
        assert_eq!(seen.parting, Parting::Refused(ErrorCode::ACCESS_DENIED));
        assert_eq!((&*seen.version, seen.product), ("9.7.4", crate::mysql::Product::MySql));
        let tls = seen.tls.as_ref().unwrap();
        assert_eq!(tls.version.to_string(), "TLSv1.3");
        assert_eq!(
            tls.presented.chain.leaf.key.to_string(),
            algorithm.to_string().replace("ECDSA", "EC")
        );
        assert_eq!(tls.presented.chain.others.len(), 1);
        let expected = Expected { trust: Some(&trust), host: Some(HOST), issued: None };
        assert_eq!(judge(&seen, &expected, NOON), [], "trusted by way of the intermediate");
    }
}

#[tokio::test]
async fn each_thing_that_is_wrong_is_said() {
    let root = authority(1);
    let pair = Pair::good(&root);
    let seen = seen(&pair).await;
    let ca = |authority: &Authority| Trust::from_pem(authority.to_pem().ca.as_bytes()).unwrap();
    let (own, stranger) = (ca(&root), ca(&authority(2)));
    let leaf = seen.tls.as_ref().unwrap().presented.leaf();
    let other = LeafId { fingerprint: None, not_before: NOON - Span::DAY, ..leaf };
    let all = |issued, trust, host| Expected { issued, trust, host };
    let right = all(Some(&leaf), Some(&own), Some(HOST));
    for (expected, now, said) in [
        (right, NOON, &[Verdict::Issued][..]),
        (right, NOON - Span::MINUTE, &[Verdict::Issued, Verdict::NotYetValid]),
        (right, NOON + Span::DAY, &[Verdict::Issued, Verdict::Expired]),
        (all(Some(&other), None, None), NOON, &[Verdict::OtherLeaf]),
        (all(None, Some(&stranger), None), NOON, &[Verdict::UnknownCa]),
        (
            all(None, Some(&stranger), None),
            NOON + Span::days(9),
            &[Verdict::Expired, Verdict::UnknownCa],
        ),
        (all(None, None, Some("db.example.com")), NOON, &[Verdict::WrongName]),
        (all(None, None, Some("10.0.0.7")), NOON, &[Verdict::WrongName]),
        (Expected::default(), NOON, &[]),
    ] {
        assert_eq!(judge(&seen, &expected, now), said, "{expected:?} at {now}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_taken_leave_of_politely_too() {
    let server = listening(move |stream| mysqld(stream, policy(false), None)).await;
    let seen = look(server.address).await.result.unwrap();
    assert_eq!((&seen.tls, seen.parting), (&None, Parting::Refused(ErrorCode::ACCESS_DENIED)));
    assert_eq!(judge(&seen, &Expected::default(), NOON), [Verdict::NoTls]);
}

#[tokio::test]
async fn a_password_is_for_servers_of_the_published_ca_only() {
    let root = authority(1);
    let config = honest(&Pair::good(&root));
    let server = serving(config).await;
    let credentials = Credentials { user: "watcher".to_owned(), password: "secret".to_owned() };
    for (authority, parting) in
        [(root, Parting::LoggedIn), (authority(2), Parting::Refused(ErrorCode::ACCESS_DENIED))]
    {
        let trust = Trust::from_pem(authority.to_pem().ca.as_bytes()).unwrap();
        let account = Account { credentials: &credentials, trust: &trust, now: NOON };
        let mut manners = Manners::new("test");
        let look = Prober::default().look(server.address, &mut manners, Some(&account)).await;
        assert_eq!(look.result.unwrap().parting, parting);
    }
}

#[test]
fn a_bundle_that_holds_no_authority_is_refused() {
    for wrong in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x"] {
        assert!(Trust::from_pem(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn the_page_says_what_the_code_does() {
    let page = include_str!("../../../docs/probe.md");
    let mut rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    for verdict in Verdict::ALL {
        assert_eq!(rows.next(), Some(&*format!("{verdict}` | {} |", verdict.meaning())));
    }
    for failure in Failure::ALL {
        assert_eq!(rows.next(), Some(&*format!("{failure}` | {} |", failure.meaning())));
    }
    assert_eq!(rows.next(), None);
}
