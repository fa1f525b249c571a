"""Whether a candidate is good, and what its deploy does next. Nothing in here waits."""

import math
import time
from dataclasses import dataclass, field

# How many answers of the stable version one look remembers.
STABLE = 1000


def median(answers):
    """None without answers. A bad one is slower than each good one."""
    times = sorted(math.inf if answer["bad"] else answer["took"] for answer in answers)
    return times[len(times) // 2] if times else None


@dataclass
class Step:
    """What was seen in one step."""

    answers: int = 0
    new: int = 0
    errors: int = 0
    score: float = 0.0
    slow_looks: int = 0
    look_new: list = field(default_factory=list)
    look_old: list = field(default_factory=list)
    unlucky: set = field(default_factory=set)

    def counts(self, answer):
        """Whether it counts: a second bad answer to the same client is no further evidence."""
        if not answer["bad"] or answer["client"] is None:
            return True
        is_first = answer["client"] not in self.unlucky
        self.unlucky.add(answer["client"])
        return is_first

    def add(self, answer, rule):
        self.answers += 1
        self.new += answer["new"]
        if answer["bad"]:
            share = self.new / self.answers
            self.score -= math.log(1 + share * (rule.worse - 1))
            if answer["new"]:
                self.errors += 1
                self.score += math.log(rule.worse)
        (self.look_new if answer["new"] else self.look_old).append(answer)
        del self.look_old[:-STABLE]
        if len(self.look_new) >= rule.look_answers:
            new, old = median(self.look_new), median(self.look_old)
            is_slow = old is not None and new > old + rule.slower_by
            self.slow_looks = self.slow_looks + 1 if is_slow else 0
            self.look_new, self.look_old, self.unlucky = [], [], set()

    def verdict(self, rule):
        if self.score >= math.log(rule.doubt):
            return "too many errors"
        if self.slow_looks >= rule.slow_looks:
            return "too slow"
        return None


class Deploy:
    def __init__(self, number, release):
        self.number, self.release = number, release
        self.phase, self.place, self.step = "starting", 0, Step()
        self.keep_until = math.inf
        self.reason = None


class Deploys:
    """`stable` is the release that runs, `share` what the candidate must get, `target` the version that
    all slots must run, and `has_candidate` whether its own workers stay.
    """

    def __init__(self, rule, log, recovered):
        self.rule, self.log = rule, log
        self.stable = {"version": recovered.stable, "reads": (1, 1), "writes": 1}
        self.latest, self.number = recovered.latest, recovered.number
        self.current = self.reason = None
        self.share, self.target, self.has_candidate = 0, recovered.stable, False

    def begin(self, release):
        deploy = Deploy(self.number + 1, release)
        self.note("accepted", deploy)
        self.number, self.latest, self.reason = deploy.number, release["version"], None
        self.current, self.share, self.has_candidate = deploy, self.rule.steps[0], True

    def note(self, did, deploy):
        release, step = deploy.release, deploy.step
        entry = {"deploy": deploy.number, "did": did, "version": release["version"]}
        entry |= {"by": release["by"]}
        if did != "accepted":
            entry |= {"share": self.rule.steps[deploy.place], "answers": step.new}
            entry |= {"errors": step.errors, "score": step.score}
        if deploy.reason:
            entry |= {"reason": deploy.reason}
        self.log.write(entry)

    def seen(self, answer):
        """An answer under the share that holds or is about to."""
        deploy = self.current
        if not deploy or deploy.phase not in ("starting", "canary"):
            return
        if not deploy.step.counts(answer):
            return
        deploy.step.add(answer, self.rule)
        if reason := deploy.step.verdict(self.rule):
            self.send_back(reason)
        elif deploy.step.new >= self.rule.step_answers:
            self.forward(deploy)

    def forward(self, deploy):
        self.note("step", deploy)
        if deploy.place + 1 < len(self.rule.steps):
            deploy.place, deploy.step = deploy.place + 1, Step()
            self.share = self.rule.steps[deploy.place]
        else:
            deploy.phase, deploy.keep_until = "keeping", time.monotonic() + self.rule.keep

    def send_back(self, reason):
        deploy = self.current
        if deploy and deploy.phase != "rolling-back":
            deploy.phase, deploy.reason, deploy.keep_until = "rolling-back", reason, math.inf
            self.share, self.target = 0, self.stable["version"]

    def died(self, version):
        """A worker of this version, which had not been told to go."""
        if self.current and self.current.release["version"] == version:
            self.send_back("one of its workers died")

    def go_on(self, now, share_holds, is_rolled, is_alone):
        deploy = self.current
        if not deploy:
            return
        if deploy.phase == "starting" and share_holds:
            deploy.phase = "canary"
        elif deploy.phase == "keeping" and now >= deploy.keep_until:
            deploy.phase, deploy.keep_until = "promoting", math.inf
            self.target = deploy.release["version"]
        elif deploy.phase == "promoting" and is_rolled:
            self.leave(deploy, "promoted", share_holds, is_alone)
        elif deploy.phase == "rolling-back":
            self.leave(deploy, "sent-back", share_holds, is_alone and is_rolled)

    def leave(self, deploy, did, share_holds, is_over):
        """The share goes first, then the workers, then the deploy."""
        if self.share:
            self.share = 0
        elif self.has_candidate:
            self.has_candidate = not share_holds
        elif is_over:
            self.note(did, deploy)
            self.current, self.reason = None, deploy.reason
            if did == "promoted":
                self.stable = deploy.release
