module example.com/journal

go 1.24

require github.com/coreos/go-systemd/v22 v22.7.0
