package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Program is the header of a new program on the supervisor's standard input. The program's bytes follow it.
type Program struct {
	Size     int64     // in bytes
	Modified time.Time // of its file; the supervisor sets it on its copy
}

// headerLimit is an upper bound for the length of a header line.
const headerLimit = 128

// Line returns the header line: "program SIZE MODIFIED", the time in nanoseconds since 1970.
func (p Program) Line() string {
	return fmt.Sprintf("%sprogram %d %d\n", mark, p.Size, p.Modified.UnixNano())
}

// RestartLine on the supervisor's standard input requests a restart, like the signal Restart. Writing it is faster than
// having an engine send a signal, which starts a process.
const RestartLine = mark + "restart\n"

// ReadProgram reads a header line. Exactly Size bytes follow it. If the line is RestartLine, again is true and no program
// follows. It returns io.EOF at the end of the input.
func ReadProgram(r *bufio.Reader) (p Program, again bool, err error) {
	line, err := r.ReadSlice('\n')
	switch {
	case err == io.EOF && len(line) == 0:
		return p, false, err
	case err == nil && string(line) == RestartLine:
		return p, true, nil
	}
	words := strings.Fields(strings.TrimPrefix(string(line), mark))
	if err != nil || len(line) > headerLimit || len(words) != 3 || words[0] != "program" {
		return p, false, fmt.Errorf("%q is not a header of a program", line[:min(len(line), headerLimit)])
	}
	ns, err := strconv.ParseInt(words[2], 10, 64)
	if err == nil {
		p.Size, err = strconv.ParseInt(words[1], 10, 64)
	}
	if err != nil || p.Size < 0 {
		return p, false, fmt.Errorf("%q is not a header of a program", line)
	}
	p.Modified = time.Unix(0, ns)
	return p, false, nil
}
