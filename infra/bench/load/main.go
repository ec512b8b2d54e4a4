// Load sends HTTP requests and says how they were answered, as one line of JSON.
//
//	load TASK.json
//
// With rate 0 it is closed: every connection sends the next request when the last is answered. With a rate it
// is open: requests have their times beforehand, and what a slow answer delays counts as waiting.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
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
	client := &http.Client{
		Timeout:   20 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: given.Connections, DisableCompression: true},
	}
	defer client.CloseIdleConnections()
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
				said[send(client, given.Targets[int(nth)%len(given.Targets)])]++
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

func send(client *http.Client, to target) string {
	request, err := http.NewRequest(to.Method, to.URL, bytes.NewReader([]byte(to.Body)))
	if err != nil {
		panic(err)
	}
	if to.Body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if to.Authorization != "" {
		request.Header.Set("Authorization", to.Authorization)
	}
	answer, err := client.Do(request)
	if err != nil {
		return "none"
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return "cut"
	}
	return answer.Status[:3]
}
