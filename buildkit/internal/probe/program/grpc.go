package main

import (
	"encoding/binary"
	"errors"
	"io"
	"strconv"
)

// Types and flags of HTTP/2 frames (https://www.rfc-editor.org/rfc/rfc9113#section-6).
const (
	frameData     = 0
	frameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
	framePing     = 6
	frameGoAway   = 7

	flagAck        = 1 // of settings and ping
	flagEndStream  = 1 // of data and headers
	flagEndHeaders = 4
	flagPadded     = 8
)

// maxFrame is the largest frame that a server may send, unless it was told otherwise.
const maxFrame = 16384

// askGRPC calls Check of grpc.health.v1 (https://github.com/grpc/grpc/blob/master/doc/health-checking.md) without TLS. The headers of the
// answer need not be read: a message comes only with success, and it has the status.
func askGRPC(conn io.ReadWriter, service string) error {
	out := []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	out = append(out, frame(frameSettings, 0, 0, nil)...)
	var headers []byte
	for _, h := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", "/grpc.health.v1.Health/Check"}, {":authority", "localhost"},
		{"content-type", "application/grpc"}, {"te", "trailers"}, {"user-agent", "fromscratch-probe"},
	} {
		headers = append(headers, 0) // not in a table, both as they are: https://www.rfc-editor.org/rfc/rfc7541#section-6.2.2
		for _, s := range h {
			headers = append(headers, byte(len(s)))
			headers = append(headers, s...)
		}
	}
	out = append(out, frame(frameHeaders, flagEndHeaders, 1, headers)...)
	var request []byte
	if service != "" { // HealthCheckRequest: field 1, a string
		request = append([]byte{1<<3 | 2}, binary.AppendUvarint(nil, uint64(len(service)))...)
		request = append(request, service...)
	}
	message := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(request))), request...)
	out = append(out, frame(frameData, flagEndStream, 1, message)...)
	if _, err := conn.Write(out); err != nil {
		return err
	}
	var answer []byte
	for {
		typ, flags, stream, payload, err := readFrame(conn)
		if err != nil {
			return errors.New("no answer by gRPC: " + err.Error())
		}
		switch {
		case typ == frameSettings && flags&flagAck == 0:
			_, err = conn.Write(frame(frameSettings, flagAck, 0, nil))
		case typ == framePing && flags&flagAck == 0:
			_, err = conn.Write(frame(framePing, flagAck, 0, payload))
		case typ == frameGoAway || typ == frameReset && stream == 1:
			return errors.New("the server ended the call")
		case typ == frameData && stream == 1:
			if flags&flagPadded != 0 {
				if len(payload) == 0 || int(payload[0]) >= len(payload) {
					return errors.New("no answer by gRPC")
				}
				payload = payload[1 : len(payload)-int(payload[0])]
			}
			if answer = append(answer, payload...); len(answer) > maxFrame {
				return errors.New("the answer is too long")
			}
		}
		if err != nil {
			return err
		}
		if whole := len(answer) >= 5 && len(answer) >= 5+int(binary.BigEndian.Uint32(answer[1:5])); whole || stream == 1 && flags&flagEndStream != 0 && (typ == frameData || typ == frameHeaders) {
			return servingStatus(answer, whole)
		}
	}
}

// servingStatus returns an error unless an answer is a HealthCheckResponse, whose field 1 is the status, with SERVING.
func servingStatus(answer []byte, whole bool) error {
	if !whole {
		return errors.New("the call failed: the server has no grpc.health.v1, or does not know the service")
	}
	message := answer[5 : 5+int(binary.BigEndian.Uint32(answer[1:5]))]
	status := uint64(0)
	if len(message) > 1 && message[0] == 1<<3 {
		status, _ = binary.Uvarint(message[1:])
	}
	if status == 1 && answer[0] == 0 {
		return nil
	}
	return errors.New("the status is " + strconv.FormatUint(status, 10) + ", not SERVING")
}

// frame returns an HTTP/2 frame.
func frame(typ, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	f := []byte{byte(n >> 16), byte(n >> 8), byte(n), typ, flags}
	return append(binary.BigEndian.AppendUint32(f, stream), payload...)
}

func readFrame(r io.Reader) (typ, flags byte, stream uint32, payload []byte, err error) {
	var head [9]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return
	}
	n := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	if n > maxFrame {
		return 0, 0, 0, nil, errors.New("a frame is too long")
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(r, payload)
	return head[3], head[4], binary.BigEndian.Uint32(head[5:]) &^ (1 << 31), payload, err
}
