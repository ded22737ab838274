"""What a consumer does with events: batches, letters, effects, leases."""
import signal
import time

import pytest

from tests.bench import cpu
from tests.lib import busline
from tests.lib.lab import wait_until
from tests.lib.probes import Cluster, ProbeLab


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def lab(cluster):
    lab = ProbeLab(cluster)
    lab.start("alpha")
    yield lab
    lab.close()


def letters(lab, key=None):
    rows = lab.beta("SELECT key, state, attempts, error, partition, event_offset FROM dead_letter ORDER BY feed, event_offset")
    return [r for r in rows if key in (None, r[0])]


def states(lab, key):
    return [r[1] for r in letters(lab, key)]


def act_on(lab, method, letter, *more):
    return lab.beta_peer().call(method, busline.message((1, "alpha"), (2, int(letter[4])), (3, int(letter[5])), *more))


# --- letters -----------------------------------------------------------------------------------------------

def rests(process):
    """Asks for next to nothing of a processor between two looks."""
    spent = []

    def look():
        spent.append(cpu.stat_of(process.popen.pid)[2])
        return len(spent) > 1 and spent[-1] - spent[-2] <= 20
    wait_until("a process that rests", look, every=0.3)


def test_events_that_come_while_the_database_is_away_are_waited_for_at_rest(lab):
    beta = lab.start("beta")
    lab.say("K", 1)
    lab.wait_seen(1)
    name = lab.database("beta")
    lab.cluster.psql("postgres", f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    lab.cluster.psql("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    wait_until("leases lost", lambda: beta.said('"how":"lost"'))
    lab.say("K", 1)
    rests(beta)
    lab.cluster.psql("postgres", f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    lab.wait_seen(2)
    lab.check_ledger()


@pytest.mark.parametrize("in_one_batch", [False, True])
def test_event_that_waits_is_parked_and_goes_on_by_itself(lab, in_one_batch):
    beta = None if in_one_batch else lab.start("beta")
    lab.say("K", 1, "wait")
    lab.say("K", 2)
    lab.say("L", 2)
    beta = beta or lab.start("beta")
    lab.wait_seen(2)  # L is not blocked
    wait_until("the letters", lambda: states(lab, "K"), until=lambda seen: seen == ["parked", "behind", "behind"])
    lab.beta("INSERT INTO probe_door VALUES ('K')")
    lab.wait_seen(5)
    wait_until("no letter", lambda: letters(lab) == [])
    rests(beta)  # the last letter's time has come and gone
    lab.check_ledger()


def test_parked_event_is_tried_when_its_key_moves(lab):
    lab.start("beta")
    lab.say("K", 1, "wait")
    wait_until("parked", lambda: states(lab, "K"), until=lambda seen: seen == ["parked"])
    lab.beta("UPDATE dead_letter SET retry_at = now() + interval '1 hour'")
    wait_until("many attempts", lambda: states(lab, "K"), until=lambda seen: seen == ["parked"])
    lab.beta("INSERT INTO probe_door VALUES ('K')")
    lab.say("K/1", 1)  # of the same family
    wait_until("both", lambda: sorted(lab.seen()) == [1, 2])


def test_refused_event_blocks_its_key_only_and_is_resolved(lab):
    lab.start("beta")
    lab.say("K", 1, "refuse")
    lab.say("K", 2)
    lab.say("L", 2)
    lab.wait_seen(2)
    wait_until("the letters", lambda: states(lab, "K"), until=lambda seen: seen == ["dead", "behind", "behind"])
    dead, behind, _ = letters(lab, "K")
    assert "field_invalid" in dead[3]
    assert act_on(lab, "RetryDeadLetter", behind)[0] == 2011
    assert act_on(lab, "ResolveDeadLetter", dead, (4, ""))[0] == 2008
    assert act_on(lab, "ResolveDeadLetter", dead, (4, "sent twice by mistake"))[0] == 0
    lab.wait_seen(4)
    lab.check_ledger(without=1)
    assert letters(lab, "K")[0][1] == "resolved"
    acts = lab.beta("SELECT type, key FROM outbox")
    assert acts == [["OperatorActed", "operator"]]


def test_dead_event_is_retried_by_an_operator(lab):
    lab.start("beta")
    lab.say("K", 1, "violate")
    lab.say("K", 1)
    wait_until("dead", lambda: states(lab, "K"), until=lambda seen: seen == ["dead", "behind"])
    assert letters(lab, "K")[0][2] == "5"
    lab.beta("ALTER TABLE probe_door ALTER key DROP NOT NULL")
    assert act_on(lab, "RetryDeadLetter", letters(lab, "K")[0])[0] == 0
    lab.wait_seen(2)
    lab.check_ledger()
    assert letters(lab) == []


def test_busy_event_is_tried_a_limited_number_of_times(lab):
    lab.start("beta")
    lab.say("K", 1, "busy")
    wait_until("dead", lambda: states(lab, "K"), until=lambda seen: seen == ["dead"])
    assert letters(lab, "K")[0][2] == "5"


def test_event_that_kills_its_process_is_counted_and_becomes_a_letter(lab):
    beta = lab.start("beta")
    lab.say("A", 1)
    lab.wait_seen(1)
    lab.say("K", 1, "die")
    lab.say("K", 1)
    lab.say("L", 1)
    deaths = 0

    def dead():
        nonlocal beta, deaths
        if not beta.running():
            deaths += 1
            beta = lab.start("beta")
        return states(lab, "K")[:1] == ["dead"]

    wait_until("the letter", dead)
    assert deaths == 5  # in a later batch uncounted, once with its batch, then alone
    lab.wait_seen(2)  # the others go on
    assert "handler_died" in letters(lab, "K")[0][3]


def test_letters_survive_a_restart(lab):
    beta = lab.start("beta")
    lab.say("K", 1, "wait")
    wait_until("parked", lambda: states(lab, "K"), until=lambda seen: seen == ["parked"])
    beta.kill()
    lab.say("K", 1)
    lab.start("beta")
    wait_until("behind", lambda: states(lab, "K"), until=lambda seen: seen == ["parked", "behind"])
    lab.beta("INSERT INTO probe_door VALUES ('K')")
    lab.wait_seen(2)
    lab.check_ledger()


# --- effects -----------------------------------------------------------------------------------------------

def acted(lab):
    return sorted((int(n), failed) for n, failed in lab.beta("SELECT number, failed FROM probe_acted"))


def test_effects_are_done_once_each(lab):
    lab.start("beta")
    lab.say("K", 50, "act")
    wait_until("all acted", lambda: len(acted(lab)) == 50)
    assert acted(lab) == [(n, "f") for n in range(1, 51)]
    assert lab.beta("SELECT count(*) FROM effect") == [["0"]]
    assert lab.beta("SELECT count(*) FROM effect_done WHERE NOT failed") == [["50"]]


def test_effect_is_tried_again_and_may_fail_for_good(lab):
    lab.start("beta")
    lab.say("K", 1, "act twice")
    lab.say("L", 1, "act refuse")
    wait_until("both ended", lambda: acted(lab) == [(1, "f"), (2, "t")])


def test_effects_survive_the_death_of_their_process(lab):
    """The peer is away, the consumer dies: the intents stand in the table."""
    beta = lab.start("beta")
    lab.say("A", 1)
    lab.wait_seen(1)
    lab.say("K", 20, "act")
    lab.wait_seen(21)
    lab.probes[0].kill()
    beta.kill()
    left = int(lab.beta("SELECT count(*) FROM effect")[0][0]) + len(acted(lab))
    assert left == 20
    lab.start("alpha")
    lab.start("beta")
    wait_until("all acted", lambda: len(acted(lab)) == 20)
    assert [n for n, _ in acted(lab)] == list(range(2, 22))


# --- leases --------------------------------------------------------------------------------------------------

def shares(lab):
    rows = lab.beta("SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
                    "WHERE locktype = 'advisory' AND classid = 21586 AND datname = current_database() "
                    "GROUP BY pid ORDER BY 1")
    return [int(n) for n, in rows]


def test_replicas_share_fairly(lab):
    one = dict(lanes={"threads": 1})
    lab.start("beta", 0, **one)
    wait_until("all", lambda: shares(lab) == [64])
    lab.start("beta", 1, **one)
    wait_until("halves", lambda: shares(lab) == [32, 32])
    third = lab.start("beta", 2, **one)
    wait_until("thirds", lambda: shares(lab) == [21, 21, 22])
    third.kill(signal.SIGTERM)
    wait_until("halves", lambda: shares(lab) == [32, 32])


def test_takeover_from_a_dead_replica(lab):
    one = dict(lanes={"threads": 1})
    lab.start("beta", 1, **one)
    taken = []
    while len(taken) < 5 and min(taken, default=2) >= 1.0:  # a machine with much to do needs another try
        first = lab.start("beta", 0, **one)
        wait_until("halves", lambda: shares(lab) == [32, 32])
        first.kill()
        started = time.monotonic()
        wait_until("all", lambda: shares(lab) == [64], every=0.02)
        taken.append(time.monotonic() - started)
    assert min(taken) < 1.0, taken
    for key in range(40):
        lab.say(f"K{key}", 1)
    lab.wait_seen(40)
    lab.check_ledger()


def test_takeover_from_a_hung_replica(lab):
    one = dict(lanes={"threads": 1})
    first = lab.start("beta", 0, **one)
    second = lab.start("beta", 1, **one)
    wait_until("halves", lambda: shares(lab) == [32, 32])
    first.kill(signal.SIGSTOP)
    peer = lab.peer()
    for key in range(40):
        lab.say(f"K{key}", 1, peer=peer)
    lab.wait_seen(40)
    wait_until("the word of it", lambda: second.said("hung_member_ended"))
    first.kill(signal.SIGCONT)  # wakes up fenced, and takes part again
    wait_until("halves again", lambda: shares(lab) == [32, 32])
    for key in range(40):
        lab.say(f"K{key}", 1, peer=peer)
    lab.wait_seen(80)
    lab.check_ledger()


# --- the log's own upkeep ---------------------------------------------------------------------------------------

def test_segments_move_on_and_are_dropped_once_read(lab):
    lab.start("beta")
    for round_ in range(3):
        lab.say(f"K{round_}", 5)
        lab.wait_seen(5 * (round_ + 1))
        lab.alpha("SELECT outbox_rotate()")
    lab.say("K0", 5)
    lab.wait_seen(20)
    lab.check_ledger()
    wait_until("the groups' positions", lambda: lab.alpha(
        "SELECT bool_and(g.committed_offset = h.next_offset) FROM feed_group g JOIN outbox_head h USING (partition)") == [["t"]])
    dropped = [lab.alpha("SELECT outbox_drop_oldest(now() + interval '1 hour')")[0][0] for _ in range(4)]
    assert dropped == ["1", "2", "3", ""]
    lab.say("K1", 5)
    lab.wait_seen(25)


def test_segment_that_a_group_needs_is_kept(lab):
    lab.say("K", 5)
    lab.alpha("SELECT outbox_rotate()")
    wait_until("the expected group", lambda: lab.peer().call("ListFeedGroups")[1])
    assert lab.alpha("SELECT outbox_drop_oldest(now() + interval '1 hour')") == [[""]]
    answer = lab.peer().call("ForgetFeedGroup", busline.message((1, "beta")))
    assert answer[0] == 0
    assert lab.alpha("SELECT outbox_drop_oldest(now() + interval '1 hour')") == [["1"]]
    # Who comes back too late is told so, and not served from the middle.
    beta = lab.start("beta")
    wait_until("the alarm", lambda: beta.said("not kept any more"))
