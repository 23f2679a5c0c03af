package main

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
)

// maxLine is how long the first line of an answer may be.
const maxLine = 4096

// askHTTP asks for a page by HTTP/1.1 (https://www.rfc-editor.org/rfc/rfc9112). Its own few lines replace net/http, which would make this
// program three times as large.
func askHTTP(conn io.ReadWriter, path string) error {
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nUser-Agent: fromscratch-probe\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	r := bufio.NewReader(io.LimitReader(conn, maxLine))
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return errors.New("no answer by HTTP: " + err.Error())
		}
		version, status, _ := strings.Cut(strings.TrimSpace(line), " ")
		number, _, _ := strings.Cut(status, " ")
		code, err := strconv.Atoi(number)
		if !strings.HasPrefix(version, "HTTP/1.") || err != nil {
			return errors.New("no answer by HTTP")
		}
		switch {
		case code >= 100 && code < 200: // another answer follows, after its headers
			for line != "" && err == nil {
				line, err = r.ReadString('\n')
				line = strings.TrimSpace(line)
			}
			if err != nil {
				return errors.New("no answer by HTTP: " + err.Error())
			}
		case code >= 200 && code < 400:
			return nil
		default:
			return errors.New("the status is " + status)
		}
	}
}
