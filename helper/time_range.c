// SPDX-License-Identifier: Apache-2.0

#include "helper/time_range.h"
#include "helper/cli.h"

#include <string.h>
#include <time.h>

static uint64_t local_midnight_us(uint64_t now_us, int days_back)
{
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm tm;
    localtime_r(&seconds, &tm);
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_mday -= days_back;
    tm.tm_isdst = -1;
    return (uint64_t)mktime(&tm) * 1000000;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// ".123456789" becomes microseconds; finer digits are cut.
static const char *read_fraction(const char *at, uint64_t *us)
{
    uint64_t unit = 100000;
    *us = 0;
    if (at[0] != '.' || !is_digit(at[1]))
        return at;
    for (at++; is_digit(*at); at++, unit /= 10)
        *us += (uint64_t)(*at - '0') * unit;
    return at;
}

// "Z", "+02:00" or nothing (local time). False if it is something else.
static bool apply_zone(const char *zone, struct tm *tm, time_t *out)
{
    if (*zone == '\0') {
        tm->tm_isdst = -1;
        *out = mktime(tm);
        return true;
    }
    *out = timegm(tm);
    if (strcmp(zone, "Z") == 0 || strcmp(zone, "z") == 0)
        return true;
    // +02:00
    if ((*zone != '+' && *zone != '-') || strlen(zone) != 6 || zone[3] != ':' ||
        !is_digit(zone[1]) || !is_digit(zone[2]) || !is_digit(zone[4]) || !is_digit(zone[5]))
        return false;
    int hours = (zone[1] - '0') * 10 + zone[2] - '0',
        minutes = (zone[4] - '0') * 10 + zone[5] - '0';
    if (hours > 23 || minutes > 59)
        return false;
    long seconds = hours * 3600L + minutes * 60L;
    *out += *zone == '+' ? -seconds : seconds;
    return true;
}

// strptime takes 31 February, which timegm would make a day of March.
static bool day_exists(const struct tm *tm)
{
    struct tm day = {.tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday};
    timegm(&day);
    return day.tm_mon == tm->tm_mon && day.tm_mday == tm->tm_mday;
}

static bool parse_date(const char *text, uint64_t *out)
{
    struct tm tm = {0};
    uint64_t fraction_us = 0;
    time_t seconds;
    const char *at = strptime(text, "%Y-%m-%d", &tm);
    if (!at || !day_exists(&tm))
        return false;
    if (*at == 'T' || *at == 't' || *at == ' ') {
        const char *clock = at + 1;
        at = strptime(clock, "%H:%M:%S", &tm);
        if (at)
            at = read_fraction(at, &fraction_us);
        else
            at = strptime(clock, "%H:%M", &tm);
        if (!at)
            return false;
    }
    if (!apply_zone(at, &tm, &seconds) || seconds < 0)
        return false;
    *out = (uint64_t)seconds * 1000000 + fraction_us;
    return true;
}

bool time_point_parse(const char *text, uint64_t now_us, uint64_t *out)
{
    uint64_t back;
    if (strcmp(text, "now") == 0)
        *out = now_us;
    else if (strcmp(text, "today") == 0)
        *out = local_midnight_us(now_us, 0);
    else if (strcmp(text, "yesterday") == 0)
        *out = local_midnight_us(now_us, 1);
    else if (text[0] == '-' && parse_duration_us(text + 1, &back))
        *out = now_us > back ? now_us - back : 0;
    else if (text[0] == '@' && parse_duration_us(text + 1, &back))
        *out = back;
    else
        return parse_date(text, out);
    return true;
}
