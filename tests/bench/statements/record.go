package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/smallstep/nosql/database"
)

// call is one line of the record.
type call struct {
	// Operation is what was asked: read, write, compare-and-swap, delete, list or transaction.
	Operation string `json:"operation"`
	// Tables are those it touched: one, or as many as a transaction has entries.
	Tables []string `json:"tables"`
	// Began and Ended are nanoseconds since the start of the process.
	Began int64 `json:"began"`
	Ended int64 `json:"ended"`
}

// recordingDB hands every call on and writes it down.
type recordingDB struct {
	database.DB
	start time.Time
	mutex sync.Mutex
	lines *json.Encoder
}

func recorded(db database.DB, record io.Writer) *recordingDB {
	return &recordingDB{DB: db, start: time.Now(), lines: json.NewEncoder(record)}
}

// note writes a call down when the function it returns is called.
func (db *recordingDB) note(operation string, tables ...string) func() {
	began := time.Since(db.start)
	return func() {
		line := call{operation, tables, began.Nanoseconds(), time.Since(db.start).Nanoseconds()}
		db.mutex.Lock()
		defer db.mutex.Unlock()
		if err := db.lines.Encode(line); err != nil {
			// A record with a gap is worse than none.
			fmt.Fprintln(os.Stderr, "statements:", err)
			os.Exit(1)
		}
	}
}

func (db *recordingDB) Get(bucket, key []byte) ([]byte, error) {
	defer db.note("read", string(bucket))()
	return db.DB.Get(bucket, key)
}

func (db *recordingDB) Set(bucket, key, value []byte) error {
	defer db.note("write", string(bucket))()
	return db.DB.Set(bucket, key, value)
}

func (db *recordingDB) CmpAndSwap(bucket, key, oldValue, newValue []byte) ([]byte, bool, error) {
	defer db.note("compare-and-swap", string(bucket))()
	return db.DB.CmpAndSwap(bucket, key, oldValue, newValue)
}

func (db *recordingDB) Del(bucket, key []byte) error {
	defer db.note("delete", string(bucket))()
	return db.DB.Del(bucket, key)
}

func (db *recordingDB) List(bucket []byte) ([]*database.Entry, error) {
	defer db.note("list", string(bucket))()
	return db.DB.List(bucket)
}

func (db *recordingDB) Update(tx *database.Tx) error {
	tables := make([]string, 0, len(tx.Operations))
	for _, entry := range tx.Operations {
		tables = append(tables, string(entry.Bucket))
	}
	defer db.note("transaction", tables...)()
	return db.DB.Update(tx)
}
