// Distldd counts visits in a database. It is a cgo program that uses the system's C library of SQLite.
package main

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"

	_ "github.com/mattn/go-sqlite3"
)

func main() {
	checks = append(checks, check{"SQLite", count}, check{"time zones of C", zonesOfC})
	serve(map[string]http.HandlerFunc{"/{$}": tell})
}

func tell(w http.ResponseWriter, _ *http.Request) {
	if err := count(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	version, err := query(`select sqlite_version()`)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, "visits are counted by SQLite", version)
}

// count adds a row to a database in the work folder.
func count() error {
	return with(func(db *sql.DB) error {
		_, err := db.Exec(`create table if not exists visits (id integer primary key); insert into visits default values`)
		return err
	})
}

// zonesOfC converts a summer day to TZ, Europe/Berlin. If zone data is missing, C silently uses UTC.
func zonesOfC() error {
	got, err := query(`select datetime('2024-07-01 12:00:00', 'localtime')`)
	if err == nil && got != "2024-07-01 14:00:00" {
		err = errors.New("it is " + got)
	}
	return err
}

func query(text string) (answer string, err error) {
	err = with(func(db *sql.DB) error { return db.QueryRow(text).Scan(&answer) })
	return answer, err
}

func with(do func(*sql.DB) error) error {
	db, err := sql.Open("sqlite3", "visits.db")
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}
