// views.js: counts the page it stands on, and writes counts where the page asks for them.
//
//   <script async src="https://feeds.news.example/views.js" data-article="wp-25"></script>
//   <noscript><img src="https://feeds.news.example/v/wp-25.gif" alt=""></noscript>
//   <span data-jarshy-count="wp-25">809</span>     an empty value is the script's own article
//
// Promised, and held by tests in a real browser:
// - data-article="ID" counts that article; without it the page's canonical address (else its own) is
//   counted; data-article="" counts nothing and only writes counts (front pages, lists).
// - A page counts once it is shown: not while it is prerendered or in a background tab, then at once.
//   A page that comes back from the back/forward cache counts again; the daemon says what repeats.
// - The hit is a fetch with keepalive, which is what sendBeacon is, except that its end is known: so
//   the counts asked for after it hold the view just made. Browsers without it use sendBeacon, and
//   where neither goes through (a policy of the page, an old browser) the pixel is loaded.
// - Counts are asked for in one request for all elements of the page (a hundred ids each), and are
//   written as the language around the element writes numbers: 1 234, 1,234.
// - No cookie, no storage, no credentials, nothing global, no inline style. Where jarshy is away the
//   page stays as it is, with the numbers it came with.
//
// It is served without these lines and without what stands before a line.
(function (d, w) {
  var me = d.currentScript || d.querySelector('script[src*="/views.js"]');
  if (!me) return;
  var base = me.src.replace(/views\.js.*/, ''), id = me.getAttribute('data-article'), seen;
  function name(e) { return e.getAttribute('data-jarshy-count') || id || ''; }
  function write(e, n) {
    // A language that is no language (WordPress's ru_RU in a theme) is not worth an error.
    try { e.textContent = n.toLocaleString((e.closest('[lang]') || {}).lang || []); }
    catch (_) { e.textContent = n.toLocaleString(); }
  }
  function fill() {
    var all = [].slice.call(d.querySelectorAll('[data-jarshy-count]')), ids = all.map(name);
    ids = ids.filter(function (n, i) { return n && ids.indexOf(n) == i; });
    while (ids[0] && w.fetch) {
      fetch(base + 'count?ids=' + ids.splice(0, 100).map(encodeURIComponent), { cache: 'no-cache', credentials: 'omit' })
        .then(function (r) { return r.json(); })
        .then(function (counts) {
          all.forEach(function (e) { if (name(e) in counts) write(e, counts[name(e)]); });
        })
        .catch(function () {});
    }
  }
  function pixel() {
    if (!id) return fill();
    var i = new Image();
    i.onload = i.onerror = fill;
    // The time, because a page that is still open need not load the same picture twice.
    i.src = base + 'v/' + id + '.gif?' + +new Date();
  }
  function hit() {
    if (seen || d.prerendering || d.visibilityState == 'hidden' || d.readyState == 'loading') return;
    seen = 1;
    if (id == '') return fill();
    var page = d.querySelector('link[rel=canonical]') || location;
    var to = base + (id ? 'v/' + id : 'v?url=' + encodeURIComponent(page.href));
    if (w.Request && 'keepalive' in Request.prototype) {
      fetch(to, { method: 'POST', keepalive: true, credentials: 'omit' }).then(fill, pixel);
    } else if (navigator.sendBeacon && navigator.sendBeacon(to)) fill();
    else pixel();
  }
  ['DOMContentLoaded', 'visibilitychange', 'prerenderingchange'].forEach(function (e) {
    d.addEventListener(e, hit);
  });
  w.addEventListener('pageshow', function (e) { if (e.persisted) { seen = 0; hit(); } });
  hit();
})(document, window);
