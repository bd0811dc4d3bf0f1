//! Proofs of every kind are accepted, and read back from their bytes.

mod scene;

use quorate_proof::Checker;
use quorate_proof::evidence::Proof;

#[test]
fn every_kind_of_proof_is_accepted() {
    for example in scene::proofs::all() {
        let checker = Checker::new(&example.cluster).unwrap();
        assert_eq!(checker.check(&example.proof), Ok(()), "{}", example.name);
    }
}

#[test]
fn bytes_are_canonical() {
    for example in scene::proofs::all() {
        let bytes = example.proof.to_bytes().unwrap();
        assert_eq!(Proof::parse(&bytes).unwrap(), example.proof, "{}", example.name);
        let spaced = String::from_utf8(bytes).unwrap().replace(',', ", ");
        assert!(Proof::parse(spaced.as_bytes()).is_err(), "{}", example.name);
    }
}
