// Sqlite adds a row to a database in the data directory and prints all rows. It
// is a cgo program: the SQLite that it uses is the C library of the system.
package main

import (
	"database/sql"
	"flag"
	"fmt"
	"log"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

func main() {
	path := flag.String("db", "/data/visits.db", "database file")
	flag.Parse()
	if err := visit(*path); err != nil {
		log.Fatal(err)
	}
}

func visit(path string) (err error) {
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := db.Close(); err == nil {
			err = closeErr
		}
	}()
	if _, err := db.Exec(`create table if not exists visits (id integer primary key, at text not null)`); err != nil {
		return fmt.Errorf("making the table in %s: %w", path, err)
	}
	if _, err := db.Exec(`insert into visits (at) values (?)`, time.Now().UTC().Format(time.RFC3339)); err != nil {
		return fmt.Errorf("adding a row: %w", err)
	}
	return printVisits(db)
}

func printVisits(db *sql.DB) error {
	rows, err := db.Query(`select id, at, sqlite_version() from visits order by id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int
		var at, version string
		if err := rows.Scan(&id, &at, &version); err != nil {
			return err
		}
		fmt.Printf("visit %d at %s (SQLite %s)\n", id, at, version)
	}
	return rows.Err()
}
