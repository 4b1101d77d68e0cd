//! A cause that is over and comes back, and one that is interrupted.

use e2e::{World, run};

use super::{CODE, change, fail, fail_many, flat, header, pass, states, totals};

#[test]
fn a_cause_that_comes_back_within_a_day_is_told_immediately_in_the_same_conversation() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        for event_id in fail_many(&world, 0..2).await {
            world.succeed_and_alert(event_id).await;
        }
        world.send_waiting().await;
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 2, "{mails:?}");
        assert!(
            flat(&mails[1])
                .contains("All 2 incidents of db_write_failed on invoice.paid are resolved")
        );
        assert!(flat(&mails[1]).contains("state="), "its link leads to what is resolved");

        pass(&world, "23 hours").await;
        let again = fail(&world, "evt_2", CODE).await;
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 3, "at once");
        assert_eq!(header(&mails[2], "References"), header(&mails[0], "Message-ID"));
        assert!(!header(&mails[2], "Subject").starts_with("Re: "), "{}", mails[2]);
        world.succeed_and_alert(again).await;
        world.send_waiting().await;
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 4, "it is alone, and told as ever");
        assert_eq!(header(&mails[3], "References"), header(&mails[2], "Message-ID"));

        pass(&world, "24 hours").await;
        fail(&world, "evt_3", CODE).await;
        let mails = world.mailbox.mails();
        assert!(!mails[4].contains("References: "), "another conversation: {}", mails[4]);
    });
}

#[test]
fn an_incident_that_opens_when_the_only_one_is_resolved_is_told_immediately() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        for number in 0..3 {
            let event_id = fail(&world, &format!("evt_{number}"), CODE).await;
            world.succeed_and_alert(event_id).await;
        }
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 6);
        assert_eq!(totals(&world).await, ["delivered 6"]);
    });
}

#[test]
fn the_end_is_told_once_when_the_last_of_them_is_resolved() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        let events = fail_many(&world, 0..3).await;
        world.succeed_and_alert(events[0]).await;
        world.succeed_and_alert(events[1]).await;
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 1, "one is left");
        world.succeed_and_alert(events[2]).await;
        for _ in 0..3 {
            world.send_waiting().await;
            pass(&world, "15 minutes").await;
        }
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 2, "{mails:?}");
        let text = flat(&mails[1]);
        assert!(
            text.contains("Resolved: 3 by a late success. They concerned 1 customer."),
            "{text}"
        );
        let opened_and_resolved = ["incident_opened told", "incident_resolved told"];
        assert_eq!(states(&world, events[2]).await, opened_and_resolved);
    });
}

#[test]
fn a_destination_that_was_added_late_is_told_of_a_cause_that_heals_in_a_few_messages() {
    run(async {
        let world = World::start_without_worker().await;
        let events = fail_many(&world, 0..12).await;
        world.alert_bob().await;
        for event_id in &events {
            world.succeed_and_alert(*event_id).await;
        }
        for _ in 0..3 {
            world.send_waiting().await;
            pass(&world, "15 minutes").await;
        }
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 2, "the first, and the end: {mails:?}");
        let end = "All 12 incidents of db_write_failed on invoice.paid are resolved";
        assert!(flat(&mails[1]).contains(end), "{}", mails[1]);
        assert_eq!(totals(&world).await, ["delivered 1", "told 11"]);
    });
}

#[test]
fn what_opens_after_a_late_destination_heard_of_what_heals_is_told_immediately() {
    run(async {
        let world = World::start_without_worker().await;
        let events = fail_many(&world, 0..4).await;
        world.alert_bob().await;
        world.succeed_and_alert(events[0]).await;
        world.succeed_and_alert(events[1]).await;
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 1, "what healed may wait");
        fail(&world, "evt_4", CODE).await;
        world.send_waiting().await;
        let mails = world.mailbox.mails();
        assert_eq!(mails.len(), 2, "{mails:?}");
        fail(&world, "evt_5", CODE).await;
        world.send_waiting().await;
        assert_eq!(world.mailbox.mails().len(), 2, "what follows waits for the next message");
    });
}

#[test]
fn causes_are_told_apart_and_what_has_none_is_told_alone() {
    run(async {
        let world = World::start_without_worker().await;
        world.alert_bob().await;
        fail(&world, "evt_1", CODE).await;
        fail(&world, "evt_2", "account_locked").await;
        assert_eq!(world.mailbox.mails().len(), 2, "another cause");
        // An earlier release opened it.
        let event_id = world.receipt("evt_3").await;
        world.result(event_id, "failed", serde_json::json!({"error_code": CODE})).await;
        let id = world.incident(event_id).await.id;
        change(&world, &format!("UPDATE incidents SET cause = NULL WHERE id = '{}'", id.as_uuid()))
            .await;
        world.deliver_alerts(&[event_id]).await;
        assert_eq!(world.mailbox.mails().len(), 3);
        assert_eq!(totals(&world).await, ["delivered 3"]);
    });
}
