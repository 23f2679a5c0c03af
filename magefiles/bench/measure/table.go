package measure

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Table is a Markdown table that is also readable as text: the first column is left-aligned, the figures right-aligned.
type Table struct {
	rows [][]string // the first is the header
}

// NewTable returns a table with a header and no rows.
func NewTable(header ...string) *Table { return &Table{[][]string{header}} }

// Add adds a row. Missing cells are empty.
func (t *Table) Add(cells ...string) {
	row := make([]string, len(t.rows[0]))
	copy(row, cells)
	t.rows = append(t.rows, row)
}

// Write writes the table.
func (t *Table) Write(w io.Writer) {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 3)
		}
	}
	for n, row := range t.rows {
		fmt.Fprintln(w, line(row, widths))
		if n == 0 {
			fmt.Fprintln(w, rule(widths))
		}
	}
}

func line(row []string, widths []int) string {
	var b strings.Builder
	for i, cell := range row {
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if i == 0 {
			cell, pad = cell+pad, ""
		}
		fmt.Fprintf(&b, "| %s%s ", pad, cell)
	}
	return b.String() + "|"
}

func rule(widths []int) string {
	var b strings.Builder
	for i, width := range widths {
		if i == 0 {
			b.WriteString("|" + strings.Repeat("-", width+2))
			continue
		}
		b.WriteString("|" + strings.Repeat("-", width+1) + ":")
	}
	return b.String() + "|"
}

// Seconds formats a time to the hundredth, short ones to the millisecond.
func Seconds(s float64) string {
	if s < 0.1 {
		return fmt.Sprintf("%.3f", s)
	}
	return fmt.Sprintf("%.2f", s)
}

// Times formats a ratio. One that could not be measured is empty.
func Times(ratio float64) string {
	if ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", ratio)
}

// Mebibytes formats a size.
func Mebibytes(bytes float64) string { return fmt.Sprintf("%.0f MiB", bytes/(1<<20)) }
