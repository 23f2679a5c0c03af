//go:build unix

package main

import (
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"
)

// connect connects to a port of this container, without package net, which would make this program twice as large.
func connect(port string) (conn *os.File, err error) {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	for _, a := range []struct {
		host    string
		family  int
		address syscall.Sockaddr
	}{
		{"127.0.0.1", syscall.AF_INET, &syscall.SockaddrInet4{Port: int(number), Addr: [4]byte{127, 0, 0, 1}}},
		{"[::1]", syscall.AF_INET6, &syscall.SockaddrInet6{Port: int(number), Addr: netip.IPv6Loopback().As16()}},
	} {
		var hostErr error
		if conn, hostErr = connectTo(a.family, a.address, a.host+":"+port); hostErr == nil {
			return conn, nil
		}
		if err == nil {
			err = hostErr
		}
	}
	return nil, err
}

func connectTo(family int, to syscall.Sockaddr, name string) (*os.File, error) {
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, &os.PathError{Op: "connect", Path: name, Err: err}
	}
	wait := syscall.NsecToTimeval(int64(limit))
	err = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &wait) // of connect too, see socket(7)
	if err == nil {
		err = syscall.Connect(fd, to)
	}
	if err == nil {
		err = syscall.SetNonblock(fd, true) // so that the file has deadlines
	}
	if err != nil {
		syscall.Close(fd)
		return nil, &os.PathError{Op: "connect", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	return f, f.SetDeadline(time.Now().Add(limit))
}
