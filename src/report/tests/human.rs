use super::crafted::{self};

#[test]
fn look() {
    println!("{}", crafted::rollout_deadlock().human(100));
    println!("{}", crafted::five_hundred().human(80));
}
