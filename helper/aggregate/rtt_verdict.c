// SPDX-License-Identifier: Apache-2.0

#include "helper/aggregate/rtt_verdict.h"
#include "helper/report/format.h"

#include <inttypes.h>
#include <stdio.h>

enum { LOSSY_PPM = 50000, LATE_PPM = 50000 };
static const uint64_t default_deadline_us = 31000000; // hbinterval 30 s + rto_min 1 s
static const uint64_t quiet_slack_us = 5000000;       // a producer takes its time to stop

static const struct {
    const char *name;
    enum check_state state;
} verdicts[] = {
    [VERDICT_STALLED] = {"stalled", CHECK_CRITICAL},
    [VERDICT_NEVER] = {"never", CHECK_CRITICAL},
    [VERDICT_DOWN] = {"down", CHECK_CRITICAL},
    [VERDICT_PF] = {"pf", CHECK_WARNING},
    [VERDICT_LOSSY] = {"lossy", CHECK_WARNING},
    [VERDICT_LATE] = {"late", CHECK_WARNING},
    [VERDICT_DISABLED] = {"disabled", CHECK_OK},
    [VERDICT_QUIET] = {"quiet", CHECK_OK},
    [VERDICT_OK] = {"ok", CHECK_OK},
    [VERDICT_CLOSED] = {"closed", CHECK_OK},
};

const char *rtt_verdict_name(enum rtt_verdict verdict)
{
    return verdicts[verdict].name;
}

enum check_state rtt_verdict_state(enum rtt_verdict verdict)
{
    return verdicts[verdict].state;
}

static uint64_t age_us(uint64_t now_us, uint64_t then_us)
{
    return now_us > then_us ? now_us - then_us : 0;
}

// An answer is an answer, even one that came too late to count for the kernel.
static uint64_t last_answer_us(const struct rtt_path *p)
{
    return p->last_ack_us > p->last_late_us ? p->last_ack_us : p->last_late_us;
}

uint64_t rtt_unanswered_age_us(const struct rtt_path *p, uint64_t now_us)
{
    uint64_t answered_us = last_answer_us(p);
    if (p->miss.at_us > answered_us) {
        // the producer knows the oldest one; an answer in between cannot have been
        uint64_t start_us = age_us(p->miss.at_us, p->miss.value);
        return age_us(now_us, start_us > answered_us ? start_us : answered_us);
    }
    return p->last_sent_us > answered_us ? age_us(now_us, p->last_sent_us) : 0;
}

uint64_t rtt_deadline_us(const struct rtt_path *p)
{
    uint64_t deadline_us = p->timing.value + p->timing.second;
    return deadline_us ? deadline_us : default_deadline_us;
}

uint64_t rtt_loss_ppm(const struct rtt_path *p, uint64_t now_us)
{
    uint64_t answered = p->acked + p->late;
    uint64_t under_way = p->last_sent_us > last_answer_us(p) &&
                         age_us(now_us, p->last_sent_us) <= rtt_deadline_us(p);
    uint64_t judged = p->sent > under_way ? p->sent - under_way : 0;
    if (judged == 0 || answered >= judged)
        return 0;
    return (uint64_t)((uint128)(judged - answered) * 1000000 / judged);
}

static enum rtt_verdict judge_unanswered(const struct rtt_path *p, uint64_t age, char *why,
                                         size_t size)
{
    char for_text[QUANTITY_MAX], deadline[QUANTITY_MAX];
    quantity_format(age, UNIT_US, for_text);
    quantity_format(rtt_deadline_us(p), UNIT_US, deadline);
    if (p->acked + p->late == 0) {
        snprintf(why, size,
                 "%" PRIu64 " heartbeats sent, none answered, the oldest %s ago (deadline %s)",
                 p->sent, for_text, deadline);
        return VERDICT_NEVER;
    }
    snprintf(why, size, "heartbeat unanswered for %s (deadline %s = interval + RTO)", for_text,
             deadline);
    return VERDICT_STALLED;
}

static enum rtt_verdict judge_answered(const struct rtt_path *p, uint64_t now_us, char *why,
                                       size_t size)
{
    uint64_t loss_ppm = rtt_loss_ppm(p, now_us), deadline_us = rtt_deadline_us(p);
    char text[QUANTITY_MAX], ago[QUANTITY_MAX];
    quantity_format(age_us(now_us, p->last_sent_us), UNIT_US, ago);
    if (p->late && (p->last_late_us > p->last_ack_us || p->late * 1000000 >= p->sent * LATE_PPM)) {
        snprintf(why, size, "%" PRIu64 " ACKs came after interval + RTO: the kernel discards them",
                 p->late);
        return VERDICT_LATE;
    }
    if (loss_ppm >= LOSSY_PPM) {
        snprintf(why, size, "%s of the heartbeats had no answer",
                 quantity_format(loss_ppm, UNIT_PPM, text));
        return VERDICT_LOSSY;
    }
    if (p->skip.at_us > p->last_sent_us && p->skip.value == SKIP_DISABLED) {
        snprintf(why, size, "heartbeats are switched off on this path");
        return VERDICT_DISABLED;
    }
    // two periods and their jitter without a heartbeat: silence is a reason to look, never a fault
    if (p->last_sent_us && age_us(now_us, p->last_sent_us) > 2 * deadline_us + quiet_slack_us) {
        if (p->skip.at_us > p->last_sent_us && p->skip.value == SKIP_DATA)
            snprintf(why, size, "last heartbeat %s ago: DATA keeps the path busy", ago);
        else
            snprintf(why, size, "last heartbeat %s ago, answered; none sent since", ago);
        return VERDICT_QUIET;
    }
    if (p->sent == 0) {
        snprintf(why, size,
                 p->skip.value == SKIP_DATA ? "no heartbeat sent: DATA keeps the path busy"
                                            : "no heartbeat sent yet");
        return VERDICT_QUIET;
    }
    why[0] = '\0';
    return VERDICT_OK;
}

enum rtt_verdict rtt_judge(const struct rtt_path *p, uint64_t now_us, uint64_t over_us, char *why,
                           size_t size)
{
    uint64_t age = rtt_unanswered_age_us(p, now_us);
    if (over_us && over_us >= p->last_sent_us) {
        snprintf(why, size, "the association is over");
        return VERDICT_CLOSED;
    }
    if (p->state.value == PATH_DOWN) {
        snprintf(why, size, "the kernel gave the path up; %" PRIu64 " heartbeats missed",
                 p->missed);
        return VERDICT_DOWN;
    }
    if (age > rtt_deadline_us(p))
        return judge_unanswered(p, age, why, size);
    if (p->state.value == PATH_PF) {
        snprintf(why, size, "the kernel calls the path potentially failed");
        return VERDICT_PF;
    }
    return judge_answered(p, now_us, why, size);
}
