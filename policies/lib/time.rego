# Lengths of time (`1h30m`) and the longest wait between two times of a cron schedule, in seconds.
package quorate.lib.time

units := {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}

# The seconds of a period as quorate.yaml writes it.
seconds(period) := sum([part |
	some found in regex.find_n(`[0-9]+[wdhms]`, period, -1)
	part := to_number(trim_right(found, "wdhms")) * units[substring(found, count(found) - 1, 1)]
])

# The longest stretch in words: `24 h`, `90 min`.
words(length) := sprintf("%d h", [length / 3600]) if {
	length >= 3600
	length % 3600 == 0
}

words(length) := sprintf("%d min", [round(length / 60)]) if not length % 3600 == 0

words(length) := "0 s" if length == 0

descriptors := {
	"@hourly": "0 * * * *",
	"@daily": "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@weekly": "0 0 * * 0",
	"@monthly": "0 0 1 * *",
	"@yearly": "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
}

fields(schedule) := [field | some field in split(object.get(descriptors, schedule, schedule), " "); field != ""]

# The longest wait between two times of a schedule. Where days of the month or months are chosen it is an upper bound: a
# month counts 31 days.
longest_wait(schedule) := longest if {
	parts := fields(schedule)
	count(parts) == 5
	times := sort([time |
		some hour in numbers_of(parts[1], 0, 23)
		some minute in numbers_of(parts[0], 0, 59)
		time := (hour * 3600) + (minute * 60)
	])
	count(times) > 0
	overnight := ((days_between(parts) * 86400) + times[0]) - times[count(times) - 1]
	longest := max(array.concat(steps(times), [overnight]))
}

# The most days from one day with a time to the next.
days_between(parts) := 1 if {
	every_one(parts[2])
	every_one(parts[3])
	every_one(parts[4])
}

days_between(parts) := cycle_gap(numbers_of(parts[4], 0, 7), 7) if {
	every_one(parts[2])
	every_one(parts[3])
	not every_one(parts[4])
}

days_between(parts) := cycle_gap(numbers_of(parts[2], 1, 31), 31) if {
	every_one(parts[3])
	not every_one(parts[2])
}

days_between(parts) := cycle_gap(numbers_of(parts[3], 1, 12), 12) * 31 if not every_one(parts[3])

every_one(field) if field in {"*", "?", "*/1"}

# The widest gap between neighbours on a circle of `size`.
cycle_gap(numbers, size) := max(array.concat(inner, [wrap])) if {
	sorted := sort([place | some number in numbers; place := number % size])
	inner := steps(sorted)
	wrap := (sorted[0] + size) - sorted[count(sorted) - 1]
}

# From each number of a sorted list to the next.
steps(sorted) := [step |
	some index, number in sorted
	index > 0
	step := number - sorted[index - 1]
]

# The numbers that a field names.
numbers_of(field, from, to) := {number |
	some item in split(field, ",")
	parts := split(item, "/")
	range := range_of(parts[0], from, to, count(parts) > 1)
	some number in numbers.range(range[0], range[1])
	(number - range[0]) % step_of(parts) == 0
}

step_of(parts) := to_number(parts[1]) if count(parts) > 1

step_of(parts) := 1 if count(parts) == 1

range_of(text, from, to, _) := [from, to] if text in {"*", "?"}

range_of(text, _, _, _) := [number_of(ends[0]), number_of(ends[1])] if {
	ends := split(text, "-")
	count(ends) == 2
}

# `5/10` goes on to the end of the field.
range_of(text, _, to, true) := [number_of(text), to] if single(text)

range_of(text, _, _, false) := [number_of(text), number_of(text)] if single(text)

single(text) if {
	not text in {"*", "?"}
	not contains(text, "-")
}

names := {
	"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6,
	"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
	"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}

number_of(text) := names[lower(text)]

number_of(text) := to_number(text) if not names[lower(text)]
