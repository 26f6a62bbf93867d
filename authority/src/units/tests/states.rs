//! Every step from every state: which are taken, and what the others are told.

use crate::units::{State, Step};

#[test]
fn every_step_from_every_state() {
    use State::*;
    use Step::*;
    let legal = [
        (KeyMade, Certify, Certified),
        (Certified, Certify, Certified),
        (Certified, Activate, Active),
        (KeyMade, Retire, Retired),
        (Certified, Retire, Retired),
        (Active, Retire, Retired),
        (Retired, Destroy, Destroyed),
    ];
    for state in State::ALL {
        for step in Step::ALL {
            let expected = legal.iter().find(|(from, by, _)| (*from, *by) == (state, step));
            match state.after(step) {
                Ok(after) => {
                    assert_eq!(Some(after), expected.map(|(.., to)| *to), "{state} {step}");
                }
                Err(illegal) => {
                    assert!(expected.is_none(), "{state} {step}");
                    let text = illegal.to_string();
                    let begin = format!("it is {state}, so it cannot be {step}: ");
                    assert!(text.starts_with(&begin), "{text}");
                }
            }
        }
    }
}

#[test]
fn refusals_say_what_to_do() {
    let refusal = |state: State, step| state.after(step).unwrap_err().to_string();
    assert_eq!(
        refusal(State::KeyMade, Step::Activate),
        "it is key-made, so it cannot be activated: give it a certificate first"
    );
    assert_eq!(
        refusal(State::Active, Step::Destroy),
        "it is active, so it cannot be destroyed: retire it first"
    );
    assert_eq!(
        refusal(State::Retired, Step::Activate),
        "it is retired, so it cannot be activated: it signs no more; make a new key for the next \
         generation"
    );
    assert_eq!(
        refusal(State::Destroyed, Step::Destroy),
        "it is destroyed, so it cannot be destroyed: there is nothing left to do"
    );
}
