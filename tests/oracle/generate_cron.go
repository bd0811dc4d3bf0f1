package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// cronZones have, among them, clocks that leap at midnight, by half an hour, in winter, over a whole day, and not at all.
var cronZones = []string{
	"UTC", "Etc/UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Kathmandu",
	"Pacific/Apia", "Africa/Casablanca", "America/Havana", "Asia/Beirut", "Europe/Dublin", "America/St_Johns", "Pacific/Chatham",
	"Etc/GMT+5", "America/Asuncion", "Asia/Tehran",
}

// cronGenerator makes schedules. All choices come from its source.
type cronGenerator struct {
	source *rand.Rand
}

// generateCron is the subcommand generate-cron: --count random schedules, most of them right.
func generateCron(arguments []string, _ io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("generate-cron", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "seed of the random choices")
	count := flags.Int("count", 100, "number of cases")
	answer := flags.Bool("answer", false, "answer each case at once, as cron would")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	writer := bufio.NewWriter(out)
	for number := range *count {
		generator := &cronGenerator{rand.New(rand.NewPCG(*seed, uint64(number)))}
		one := generator.cronCase(fmt.Sprintf("%d-%d", *seed, number))
		var err error
		if *answer {
			err = writeLine(writer, one.answer())
		} else {
			err = writeLine(writer, one)
		}
		if err != nil {
			return err
		}
	}
	return writer.Flush()
}

func (g *cronGenerator) chance(percent int) bool { return g.source.IntN(100) < percent }

func (g *cronGenerator) one(of ...string) string { return of[g.source.IntN(len(of))] }

func (g *cronGenerator) cronCase(id string) cronCase {
	one := cronCase{ID: id, Schedule: g.schedule()}
	if g.chance(60) {
		zone := cronZones[g.source.IntN(len(cronZones))]
		if g.chance(6) {
			zone = g.one("", "Local", "local", "europe/berlin", "Europe/Nowhere", "../UTC", "/UTC", "Europe//Berlin", "utc", "+01:00", "CET", "EST5EDT")
		}
		one.TimeZone = &zone
	}
	if g.chance(5) {
		one.Schedule = g.one("TZ=", "CRON_TZ=", "TZ= ", "TZ") + g.one(cronZones...) + g.one(" ", "  ", "", "\t") + one.Schedule
	}
	one.After = g.moment(one.TimeZone)
	return one
}

// moment is often shortly before a clock leaps.
func (g *cronGenerator) moment(zone *string) int64 {
	from, until := time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2045, 1, 1, 0, 0, 0, 0, time.UTC)
	moment := from.Add(time.Duration(g.source.Int64N(int64(until.Sub(from)/time.Millisecond))) * time.Millisecond)
	if location, err := time.LoadLocation(zoneOrUTC(zone)); err == nil && g.chance(60) {
		if _, end := moment.In(location).ZoneBounds(); !end.IsZero() {
			moment = end.Add(-time.Duration(g.source.Int64N(int64(30*time.Hour/time.Millisecond))) * time.Millisecond)
		}
	}
	if g.chance(50) {
		moment = moment.Truncate(time.Minute)
	}
	return moment.UnixMilli()
}

func zoneOrUTC(zone *string) string {
	if zone == nil {
		return "UTC"
	}
	return *zone
}

func (g *cronGenerator) schedule() string {
	if g.chance(12) {
		return g.one("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly", "@every 90s", "@every 1h30m", "@every 1.5h",
			"@every 500ms", "@every 2500ms", "@every -1h", "@every +3m", "@every 0", "@every 1d", "@every", "@every ", "@every 1", "@every 1us1ns",
			"@every 1h 30m", "@Daily", "@reboot", " @daily", "@daily ", "@every  5m", "@every .5m", "@every 5.m", "@every .m", "@every 24h", "@")
	}
	fields := []string{
		g.field(0, 59, nil), g.field(0, 23, nil), g.field(1, 31, nil), g.field(1, 12, []string{"jan", "FEB", "Mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}),
		g.field(0, 6, []string{"sun", "MON", "Tue", "wed", "thu", "fri", "sat"}),
	}
	if g.chance(40) {
		fields[3] = "*"
	}
	if g.chance(40) {
		fields[2+2*g.source.IntN(2)] = g.one("*", "?")
	}
	if g.chance(3) {
		fields = append(fields, g.one("*", "2026", "#"))
	}
	if g.chance(3) {
		fields = fields[:g.source.IntN(len(fields))]
	}
	text := strings.Join(fields, g.one(" ", " ", " ", "  ", "\t", "\u00a0", "\u2003"))
	if g.chance(4) {
		text = g.one(" ", "\t", "\n") + text
	}
	return text
}

func (g *cronGenerator) field(least, most int, names []string) string {
	if g.chance(20) {
		return "*"
	}
	if g.chance(2) {
		return g.one(",", "-", "/", "L", "1#2", "W", "*/0", "*/-1", "", "٣", "+", "--", "*/", "**", "*,", "1-", "-1", "1/", "?*", "\"1\"")
	}
	var parts []string
	for range 1 + max(0, g.source.IntN(5)-2) {
		parts = append(parts, g.part(least, most, names))
	}
	separator := ","
	if g.chance(3) {
		separator = g.one(",,", ",;", ", ")
	}
	return strings.Join(parts, separator)
}

func (g *cronGenerator) part(least, most int, names []string) string {
	first := g.value(least, most, names)
	switch g.source.IntN(10) {
	case 0, 1, 2, 3:
		return first
	case 4:
		return first + "-" + g.value(least, most, names)
	case 5:
		low := least + g.source.IntN(most-least+1)
		return fmt.Sprintf("%d-%d", low, low+g.source.IntN(most-low+1))
	case 6:
		return g.one("*", "?") + "/" + g.step()
	case 7:
		return first + "/" + g.step()
	case 8:
		low := least + g.source.IntN(most-least+1)
		return fmt.Sprintf("%d-%d/%s", low, low+g.source.IntN(most-low+1), g.step())
	default:
		if g.chance(75) {
			return first
		}
		return g.one("*", "*-"+first, "?-x", "1-2-3", "*-1-2/3", "+"+first, "0"+first, first)
	}
}

func (g *cronGenerator) step() string {
	if g.chance(6) {
		return g.one("+2", "02", "99", "99999999999", "9223372036854775807", "9223372036854775808")
	}
	return g.one("1", "2", "3", "5", "7", "15", "20")
}

func (g *cronGenerator) value(least, most int, names []string) string {
	number := least + g.source.IntN(most-least+1)
	if names != nil && g.chance(35) {
		return names[number-least]
	}
	if g.chance(3) {
		return g.one("60", "24", "32", "13", "7", "0", "4294967296", "mon", "x")
	}
	return fmt.Sprint(number)
}
