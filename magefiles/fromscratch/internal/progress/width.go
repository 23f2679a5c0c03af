package progress

import (
	"strings"
	"unicode"
)

// cutLine cuts a line to fewer columns than the terminal has, and appends end. The last
// column stays free, because some terminals wrap the line there. If columns is zero, the
// width is unknown and nothing is cut.
func cutLine(line, end string, columns int) string {
	if columns <= 0 || columnsOf(line+end) < columns {
		return line + end
	}
	room := columns - 1 - columnsOf(end)
	if room <= 0 {
		room, end = columns-1, ""
	}
	for i, r := range line {
		if room -= columnsOfRune(r); room < 0 {
			return line[:i] + end
		}
	}
	return line + end
}

// columnsOf returns the width of a text in columns.
func columnsOf(text string) int {
	n := 0
	for _, r := range text {
		n += columnsOfRune(r)
	}
	return n
}

// wide are the ranges of characters that terminals draw two columns wide: East Asian ones
// and emoji (https://www.unicode.org/reports/tr11/). It has those that occur in names.
var wide = [][2]rune{{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}}

func columnsOfRune(r rune) int {
	if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r) {
		return 0
	}
	for _, w := range wide {
		if w[0] <= r && r <= w[1] {
			return 2
		}
	}
	return 1
}

// styleStart styles the beginning of a line, or all of the line if that was cut shorter.
func styleStart(line, beginning string, style func(string) string) string {
	if rest, ok := strings.CutPrefix(line, beginning); ok {
		return style(beginning) + rest
	}
	return style(line)
}
