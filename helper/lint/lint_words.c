// SPDX-License-Identifier: Apache-2.0
//
// lint_words.c - keys whose values are words of a fixed set.

#include "helper/lint/lint.h"

#include <string.h>

// As the meanings in events.def give them.
static const struct {
    enum event_type event;
    const char *key;
    const char *words; // separated by spaces
} fixed[] = {
    {EV_sctp_hb_sent, "state", "up pf down unconfirmed"},
    {EV_sctp_hb_ack, "state", "up pf down unconfirmed"},
    {EV_sctp_hb_ack, "verdict", "ok late stale bad_nonce unknown_path bad_length bad_vtag"},
    {EV_sctp_hb_skip, "reason", "data disabled"},
    {EV_sctp_path, "from", "up pf down unconfirmed"},
    {EV_sctp_path, "to", "up pf down unconfirmed"},
    {EV_sctp_assoc, "state", "up down restart aborted shutdown"},
    {EV_flow, "evidence", "dns sni quic host"},
    {EV_flow, "mode", "native generic offload read"},
    {EV_traffic_totals, "bytes", "ip wire"},
    {EV_totals_summary, "bytes", "ip wire"},
    {EV_traffic_overflow, "mode", "native generic offload read"},
    {EV_name, "evidence", "dns sni quic host"},
};

static bool is_among(const char *words, struct text word)
{
    while (*words) {
        size_t len = strcspn(words, " ");
        if (text_equal(word, (struct text){words, len}))
            return true;
        words += len + (words[len] == ' ');
    }
    return false;
}

void lint_words(struct lint *l, const struct event *ev)
{
    const struct event_info *info = &event_table[ev->type];
    for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++) {
        if (fixed[i].event != ev->type)
            continue;
        for (unsigned k = 0; k < info->field_count; k++) {
            struct text word;
            if (strcmp(info->fields[k].key, fixed[i].key) != 0 || !(ev->present >> k & 1))
                continue;
            memcpy(&word, (const char *)ev + info->fields[k].offset, sizeof(word));
            if (!is_among(fixed[i].words, word))
                lint_say(l, "word", "%s is none of: %s", fixed[i].key, fixed[i].words);
        }
    }
}
