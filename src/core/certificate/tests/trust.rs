//! Who signed whom, judged by facts.

use super::*;

fn leaf(certificate: &rcgen::Certificate) -> Leaf {
    Leaf::from_der(certificate.der()).unwrap()
}

fn bundle(authorities: &[&Authority]) -> CaBundle {
    let pem: String = authorities.iter().map(|ca| ca.pem()).collect();
    CaBundle::from_pem(pem.as_bytes()).unwrap()
}

#[test]
fn a_leaf_knows_its_issuer_by_name_and_key() {
    let (ca, same_name, other) = (authority("ca"), authority("ca"), authority("other"));
    let leaf = leaf(&issued(&ca));
    for (authority, signed) in [(&ca, true), (&same_name, false), (&other, false)] {
        let bundle = bundle(&[authority]);
        assert_eq!(leaf.signed_by(&bundle.certificates[0]), signed);
        assert_eq!(bundle.issuer_of(&leaf).is_some(), signed);
    }
    let both = bundle(&[&other, &ca]);
    assert_eq!(both.issuer_of(&leaf), Some(&both.certificates[1]));
}

#[test]
fn without_key_identifiers_the_name_decides() {
    let mut params = params();
    params.use_authority_key_identifier_extension = false;
    let (ca, same_name) = (authority("ca"), authority("ca"));
    let leaf = leaf(&params.signed_by(&KeyPair::generate().unwrap(), &ca).unwrap());
    assert!(bundle(&[&same_name]).issuer_of(&leaf).is_some());
    assert!(bundle(&[&authority("other")]).issuer_of(&leaf).is_none());
}

#[test]
fn a_renewed_authority_keeps_its_key_and_a_new_one_does_not() {
    let key = KeyPair::generate().unwrap();
    let [old, renewed] = [2036, 2046].map(|year| {
        let mut params = authority_params("ca");
        params.not_after = date_time_ymd(year, 1, 1);
        CaBundle::from_pem(params.self_signed(&key).unwrap().pem().as_bytes()).unwrap()
    });
    assert_ne!(old.certificates[0].fingerprint, renewed.certificates[0].fingerprint);
    assert_eq!(old.keys(), renewed.keys());

    let (first, second) = (authority("ca"), authority("ca"));
    assert_ne!(bundle(&[&first]).keys(), bundle(&[&second]).keys());
    assert_ne!(bundle(&[&first]).keys(), bundle(&[&first, &second]).keys());
    assert_eq!(bundle(&[&second, &first]).keys(), bundle(&[&first, &second]).keys());
}

#[test]
fn chains_lead_through_intermediates() {
    let root = authority("root");
    let signed = |name: &str, by: &Authority| {
        let key = KeyPair::generate().unwrap();
        CertifiedIssuer::signed_by(authority_params(name), key, by).unwrap()
    };
    let upper: Authority = signed("upper", &root);
    let lower: Authority = signed("lower", &upper);
    let leaf = issued(&lower);
    let chain = |others: &[&Authority]| {
        let others = others.iter().map(|ca| ca.der().clone());
        let ders: Vec<_> = std::iter::once(leaf.der().clone()).chain(others).collect();
        Chain::from_der(&ders).unwrap()
    };
    for (others, trusted, leads) in [
        (vec![&lower, &upper], &root, true),
        (vec![&upper, &lower], &root, true),
        (vec![&lower], &upper, true),
        (vec![], &lower, true),
        (vec![&lower], &root, false),
        (vec![&upper], &root, false),
        (vec![&lower, &upper], &authority("root"), false),
        (vec![&lower, &upper, &root], &authority("other"), false),
        (vec![&lower, &lower, &upper, &upper, &root], &root, true),
    ] {
        assert_eq!(chain(&others).leads_to(&bundle(&[trusted])), leads);
    }
}

#[test]
fn rings_of_authorities_end() {
    let (one, other) = (NameDigest::of(b"one"), NameDigest::of(b"other"));
    let link = |subject, issuer| Link { subject, issuer, subject_key: None, authority_key: None };
    let mut chain = Chain::from_der(&[issued(&authority("ca")).der()]).unwrap();
    let ca = Ca::from(chain.leaf.clone());
    chain.leaf.link = link(NameDigest::of(b"leaf"), one);
    chain.others = Box::new([
        Ca { link: link(one, other), ..ca.clone() },
        Ca { link: link(other, one), ..ca.clone() },
    ]);
    assert!(!chain.leads_to(&bundle(&[&authority("ca")])));
}

#[test]
fn a_self_signed_leaf_leads_to_itself() {
    let certificate = params().self_signed(&KeyPair::generate().unwrap()).unwrap();
    let bundle = CaBundle::from_pem(certificate.pem().as_bytes()).unwrap();
    assert!(Chain::from_der(&[certificate.der()]).unwrap().leads_to(&bundle));
}

#[test]
fn the_first_certificate_is_the_leaf() {
    let ca = authority("ca");
    let certificate = issued(&ca);
    let pem = format!("Subject: db\r\n{}\n# and who signed it\n{}", certificate.pem(), ca.pem());
    let chain = Chain::from_pem(pem.as_bytes()).unwrap();
    assert_eq!(chain.leaf.fingerprint, Fingerprint::of(certificate.der()));
    assert_eq!(*chain.others, *bundle(&[&ca]).certificates);
    assert_eq!(Chain::from_der(&[certificate.der(), ca.der()]), Ok(chain));
}
