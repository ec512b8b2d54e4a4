// Load sends HTTP requests and says how they were answered, as one line of JSON.
//
//	load TASK.json
//
// With rate 0 it is closed: every connection sends the next request when the last is answered. With a rate it
// is open: requests have their times beforehand, and what a slow answer delays counts as waiting.
//
// It shares the machine with what it measures, so requests are written out beforehand and each connection is
// one goroutine: net/http's client costs several times as much.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

type target struct {
	Method        string `json:"method"`
	URL           string `json:"url"`
	Body          string `json:"body"`
	Authorization string `json:"authorization"`
}

type task struct {
	Targets     []target `json:"targets"`
	Seconds     float64  `json:"seconds"`
	Connections int      `json:"connections"`
	Rate        float64  `json:"rate"`
}

type report struct {
	Requests int            `json:"requests"`
	Seconds  float64        `json:"seconds"`
	P50      float64        `json:"p50_ms"`
	P99      float64        `json:"p99_ms"`
	Slowest  float64        `json:"slowest_ms"`
	Answers  map[string]int `json:"answers"`
	Began    int64          `json:"began_ns"`
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var given task
	if err := json.Unmarshal(text, &given); err != nil {
		panic(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(run(given, given.Seconds)); err != nil {
		panic(err)
	}
}

func run(given task, seconds float64) report {
	wires := make([]wire, len(given.Targets))
	for nth, to := range given.Targets {
		wires[nth] = written(to)
	}
	var next atomic.Int64
	var lock sync.Mutex
	var waits []float64
	answers := map[string]int{}
	begin := time.Now()
	end := begin.Add(time.Duration(seconds * float64(time.Second)))
	var all sync.WaitGroup
	for range make([]struct{}, given.Connections) {
		all.Add(1)
		go func() {
			defer all.Done()
			var own []float64
			said := map[string]int{}
			var line connection
			defer line.close()
			for {
				nth := next.Add(1) - 1
				due := time.Now()
				if given.Rate > 0 {
					due = begin.Add(time.Duration(float64(nth) / given.Rate * float64(time.Second)))
					time.Sleep(time.Until(due))
				}
				if !due.Before(end) {
					break
				}
				said[line.send(wires[int(nth)%len(wires)])]++
				own = append(own, float64(time.Since(due).Microseconds())/1000)
			}
			lock.Lock()
			defer lock.Unlock()
			waits = append(waits, own...)
			for answer, number := range said {
				answers[answer] += number
			}
		}()
	}
	all.Wait()
	took := time.Since(begin).Seconds()
	if len(waits) == 0 {
		return report{Seconds: took, Answers: answers, Began: begin.UnixNano()}
	}
	sort.Float64s(waits)
	at := func(share float64) float64 { return waits[int(share*float64(len(waits)-1))] }
	return report{len(waits), took, at(0.5), at(0.99), waits[len(waits)-1], answers, begin.UnixNano()}
}

// wire is a request as it goes over a connection, and to whom.
type wire struct {
	host, method string
	text         []byte
}

func written(to target) wire {
	where, err := url.Parse(to.URL)
	if err != nil {
		panic(err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s %s HTTP/1.1\r\nHost: %s\r\n", to.Method, where.RequestURI(), where.Host)
	if to.Body != "" {
		fmt.Fprintf(&out, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(to.Body))
	}
	if to.Authorization != "" {
		fmt.Fprintf(&out, "Authorization: %s\r\n", to.Authorization)
	}
	fmt.Fprintf(&out, "\r\n%s", to.Body)
	return wire{where.Host, to.Method, out.Bytes()}
}

// connection is kept alive from one request to the next, and made anew after an error.
type connection struct {
	host string
	open net.Conn
	in   *bufio.Reader
}

func (line *connection) close() {
	if line.open != nil {
		line.open.Close()
		line.open = nil
	}
}

func (line *connection) send(to wire) string {
	if line.open == nil || line.host != to.host {
		line.close()
		open, err := net.DialTimeout("tcp", to.host, 20*time.Second)
		if err != nil {
			return "none"
		}
		line.host, line.open, line.in = to.host, open, bufio.NewReader(open)
	}
	line.open.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := line.open.Write(to.text); err != nil {
		line.close()
		return "none"
	}
	answer, err := http.ReadResponse(line.in, &http.Request{Method: to.method})
	if err != nil {
		line.close()
		return "none"
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		line.close()
		return "cut"
	}
	if answer.Close {
		line.close()
	}
	return answer.Status[:3]
}
