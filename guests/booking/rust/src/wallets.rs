//! The money of an account. A charge has an id, under which it may be repeated: it is made once, and what was refunded is never charged
//! again.

use std::time::Duration;

use innkeeper::Ticket;

use crate::proto::examples::booking::v1 as shop;
use shop::wallet::value as service;
use shop::wallet::value::*;
use shop::*;

/// More than that waits for its owner.
const FREE_MAX: i64 = 100;
/// So long the owner has; who asks again after that waits again.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Wallet;

impl service::Wallet for Wallet {
    type Value = Purse;

    fn deposit(purse: Option<&Purse>, request: DepositRequest, _: &Context) -> Decision<Self, Purse> {
        let DepositRequest { amount, .. } = request;
        if amount <= 0 {
            return refuse(Code::InvalidArgument, format!("amount must be positive, got {amount}"));
        }
        let mut after = purse.cloned().unwrap_or_default();
        after.balance += amount;
        update(after.clone()).reply(after)
    }

    fn balance(purse: Option<&Purse>, _: BalanceRequest, _: &Context) -> Decision<Self, Purse> {
        accept().reply(purse.cloned().unwrap_or_default())
    }

    fn charge(purse: Option<&Purse>, request: ChargeRequest, _: &Context) -> Decision<Self, Receipt> {
        let ChargeRequest { charge: id, amount, .. } = request;
        let purse = purse.cloned().unwrap_or_default();
        let waiting = Ticket::new(id.as_str()).within(PATIENCE);
        match find(&purse, &id).map(Charge::stage) {
            Some(Stage::Refunded) => refuse(Code::FailedPrecondition, format!("{id} was refunded")),
            Some(Stage::Charged) => accept().reply(Receipt { charge: id }),
            Some(Stage::Waiting) => accept().later(waiting),
            None if amount > purse.balance => too_poor(&purse),
            None if amount > FREE_MAX => update(put(purse, &id, amount, Stage::Waiting)).later(waiting),
            None => update(put(purse, &id, amount, Stage::Charged)).reply(Receipt { charge: id }),
        }
    }

    fn approve(purse: Option<&Purse>, request: ApproveRequest, _: &Context) -> Decision<Self, Purse> {
        let ApproveRequest { charge: id, .. } = request;
        let purse = purse.cloned().unwrap_or_default();
        let Some(charge) = find(&purse, &id).filter(|charge| charge.stage() == Stage::Waiting) else {
            return refuse(Code::NotFound, format!("no charge {id} waits for approval"));
        };
        if charge.amount > purse.balance {
            return too_poor(&purse);
        }
        let amount = charge.amount;
        let after = put(purse, &id, amount, Stage::Charged);
        update(after.clone()).resolve(id.clone(), shop::wallet::call::charge, Ok(Receipt { charge: id })).reply(after)
    }

    fn refund(purse: Option<&Purse>, request: RefundRequest, _: &Context) -> Decision<Self, ()> {
        let RefundRequest { charge: id, .. } = request;
        let purse = purse.cloned().unwrap_or_default();
        // A charge that has not come yet is refunded, too: then it is refused when it comes.
        let amount = find(&purse, &id).map_or(0, |charge| charge.amount);
        let refusal = refuse(Code::FailedPrecondition, format!("{id} was refunded"));
        update(put(purse, &id, amount, Stage::Refunded)).resolve(id, shop::wallet::call::charge, refusal).reply(())
    }
}

fn too_poor<T>(purse: &Purse) -> Result<T, Refusal> {
    refuse(Code::FailedPrecondition, format!("there are only {} in the wallet", purse.balance))
}

fn find<'a>(purse: &'a Purse, id: &str) -> Option<&'a Charge> {
    purse.charges.iter().find(|charge| charge.id == id)
}

fn paid(charge: &Charge) -> i64 {
    if charge.stage() == Stage::Charged { charge.amount } else { 0 }
}

/// The purse with this charge in place of the one of the same id, and with what that leaves.
fn put(mut purse: Purse, id: &str, amount: i64, stage: Stage) -> Purse {
    let charge = Charge { id: id.into(), amount, stage: stage.into() };
    purse.balance += find(&purse, id).map_or(0, paid) - paid(&charge);
    purse.charges.retain(|one| one.id != id);
    purse.charges.push(charge);
    purse
}
