//! A shop breaks for all of its customers at once. A few messages tell it, an operator has it repaired in a browser, and
//! everybody is asked for once, although API, worker and Temporal are killed in the middle of it.

mod alice;
mod moments;
mod processes;
mod rows;
mod shop;

use std::time::Duration;

use e2e::browser::Browser;
use e2e::engines::{self, start_lasting_temporal};
use e2e::{World, WorldOptions, eventually, eventually_within, run};

use self::alice::Alice;
use self::moments::Seed;
use self::processes::Processes;
use self::rows::count;
use self::shop::{Shop, many};

/// How many of each project are repaired first.
const CANARY: usize = 3;
/// How many of each project are repaired in a minute after that.
const PER_MINUTE: i128 = 120;
/// Half a minute by the pace, and what beside other stories the crashes cost.
const REPAIRED: Duration = Duration::from_mins(4);

#[test]
fn a_shop_that_breaks_for_everybody_is_repaired_in_a_browser_while_everything_is_killed() {
    run(async {
        let seed = Seed::draw();
        let folder = embedded::scratch_dir().expect("a folder");
        let port = embedded::free_port().expect("a port");
        let engines = engines::shared().await.expect("engines");
        let temporal = start_lasting_temporal(&engines.found, port, &folder);
        let (temporal, browser) = tokio::join!(temporal, Browser::start());
        let options = WorldOptions::default().without_api().without_worker();
        let world = World::start_on(format!("127.0.0.1:{port}"), options).await;
        let shop = Shop::open(&world).await;
        let processes = Processes::start(&world, temporal.expect("Temporal")).await;
        let alice = Alice::sign_in(&world, &browser).await;

        shop.break_down(&world).await;
        alice.sees_causes().await;
        alice.reprocesses_one(shop.apart).await;
        for (project_id, customers) in shop.projects.into_iter().zip(many()) {
            alice.reprocesses_all(project_id, customers).await;
        }
        let processes = kill_each(&world, processes, &seed).await;
        let done = "SELECT count(*) FROM bulk_reprocesses WHERE state = 'done'";
        eventually_within(REPAIRED, "two bulk reprocesses that are done", async || {
            (count(&world, done).await == 2).then_some(())
        })
        .await;
        alice.saw_progress().await;
        alice.sees_all_resolved().await;

        rows::was_told_soon(&world, shop.apart).await;
        rows::told_in_few_messages(&world, &shop).await;
        rows::asked_once_but_for(&world, &shop, &processes.crashes).await;
        rows::kept_the_pace(&world).await;
    });
}

/// Kills each of them once, at the moments of the seed.
async fn kill_each<'a>(world: &World, mut processes: Processes<'a>, seed: &Seed) -> Processes<'a> {
    for (callbacks, victim) in seed.moments() {
        eventually(&format!("{callbacks} callbacks, after which to kill {victim:?}"), async || {
            let made = count(world, "SELECT count(*) FROM callback_attempts").await;
            (made >= callbacks).then_some(())
        })
        .await;
        processes = processes.crash(victim).await;
    }
    processes
}
