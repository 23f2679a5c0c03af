package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Program comes before the bytes of a new program on the supervisor's standard input.
type Program struct {
	Size     int64     // in bytes
	Modified time.Time // of its file; the supervisor gives it to its own
}

// headerLimit is more than the longest line before a program.
const headerLimit = 128

// Line is the line before the bytes: "program SIZE MODIFIED", the time in nanoseconds since 1970.
func (p Program) Line() string {
	return fmt.Sprintf("%sprogram %d %d\n", mark, p.Size, p.Modified.UnixNano())
}

// RestartLine asks on the supervisor's standard input for what the signal Restart asks for. To write it is faster than to
// have an engine send a signal, which starts a process for it.
const RestartLine = mark + "restart\n"

// ReadProgram reads the line; io.EOF is that no further one comes. Exactly Size bytes follow. again is that there is no
// new program: it was RestartLine.
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
		return p, false, fmt.Errorf("%q is no line before a program", line[:min(len(line), headerLimit)])
	}
	ns, err := strconv.ParseInt(words[2], 10, 64)
	if err == nil {
		p.Size, err = strconv.ParseInt(words[1], 10, 64)
	}
	if err != nil || p.Size < 0 {
		return p, false, fmt.Errorf("%q is no line before a program", line)
	}
	p.Modified = time.Unix(0, ns)
	return p, false, nil
}
