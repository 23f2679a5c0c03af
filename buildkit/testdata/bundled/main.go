// Bundled uses the SQLite that go-sqlite3 brings in C, and sorts more rows than
// fit its cache, so that SQLite writes to its folder for temporary files.
package main

import (
	"database/sql"
	"fmt"
	"log"

	_ "github.com/mattn/go-sqlite3"
)

func main() {
	db, err := sql.Open("sqlite3", "/data/bundled.db?_pragma=cache_size(10)")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, q := range []string{
		`pragma cache_size = 10`,
		`pragma temp_store = file`,
		`create table t (x text)`,
		`with recursive n(i) as (select 1 union all select i+1 from n where i < 200000)
		 insert into t select hex(randomblob(32)) from n`,
	} {
		if _, err := db.Exec(q); err != nil {
			log.Fatalf("%s: %v", q, err)
		}
	}
	var count int
	if err := db.QueryRow(`select count(*) from (select x from t order by x limit -1 offset 1)`).Scan(&count); err != nil {
		log.Fatal(err)
	}
	fmt.Println("rows:", count)
}
