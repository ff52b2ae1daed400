// Keeps the page as it is now, without loading it anew, and chooses while somebody types. Without it
// the page is the same, as of when it was loaded.
'use strict';

(() => {
    const LIVE = ['top', 'main'];
    const every = Number(document.getElementById('main').dataset.every);
    const lost = document.getElementById('lost');
    let tag = null;
    let under = null;

    document.documentElement.classList.add('scripted');

    async function look() {
        if (under) under.abort();
        const asked = under = new AbortController();
        try {
            const headers = tag ? { 'If-None-Match': tag } : {};
            const answer = await fetch(location.href, { headers, cache: 'no-store', signal: asked.signal });
            if (answer.status === 200 || answer.status === 503 || answer.status === 404) {
                const text = await answer.text();
                const next = new DOMParser().parseFromString(text, 'text/html');
                tag = answer.headers.get('ETag');
                document.title = next.title;
                const focused = document.activeElement;
                for (const id of LIVE) become(document.getElementById(id), next.getElementById(id));
                // A row that went elsewhere has lost it.
                if (focused.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
            }
            lost.hidden = true;
        } catch (error) {
            if (error.name !== 'AbortError') lost.hidden = false;
        } finally {
            if (under === asked) under = null;
        }
    }

    // Makes `now` what `next` is and leaves alone whatever is the same: focus, selection, what is
    // open and what is being typed stay.
    function become(now, next) {
        if (!now || !next || now.isEqualNode(next)) return;
        if (now.nodeName !== next.nodeName || now.id !== next.id) {
            now.replaceWith(document.importNode(next, true));
            return;
        }
        if (now.nodeType !== Node.ELEMENT_NODE) {
            now.nodeValue = next.nodeValue;
            return;
        }
        for (const { name } of [...now.attributes]) {
            if (!next.hasAttribute(name) && !(name === 'open' && now.nodeName === 'DETAILS')) now.removeAttribute(name);
        }
        for (const { name, value } of next.attributes) {
            if (now.getAttribute(name) !== value) now.setAttribute(name, value);
        }
        const known = new Map([...now.children].filter((child) => child.id).map((child) => [child.id, child]));
        let place = now.firstChild;
        for (const wanted of next.childNodes) {
            const same = wanted.id && known.get(wanted.id);
            if (same && same !== place) now.insertBefore(same, place);
            if (same) place = same;
            if (!place) {
                now.appendChild(document.importNode(wanted, true));
                continue;
            }
            if (!same && place.id && known.has(place.id) && place.id !== wanted.id) {
                now.insertBefore(document.importNode(wanted, true), place);
                continue;
            }
            const after = place.nextSibling;
            become(place, wanted);
            place = after;
        }
        while (place) {
            const after = place.nextSibling;
            place.remove();
            place = after;
        }
    }

    function choose() {
        const form = document.getElementById('choose');
        const said = [...new FormData(form)].filter(([name, value]) => value !== '' && !(name === 'sort' && value === 'urgency'));
        const query = new URLSearchParams(said).toString();
        history.replaceState(null, '', query ? `/?${query}` : '/');
        tag = null;
        look();
    }

    let typing = 0;
    document.addEventListener('input', (event) => {
        if (!event.target.closest('#choose')) return;
        clearTimeout(typing);
        typing = setTimeout(choose, 150);
    });
    document.addEventListener('submit', (event) => {
        if (event.target.id !== 'choose') return;
        event.preventDefault();
        choose();
    });
    document.addEventListener('keydown', (event) => {
        const typed = event.target.closest('input, select, textarea');
        const find = document.querySelector('#choose [name=q]');
        if (event.key !== '/' || typed || !find || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        find.focus();
    });
    document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); });
    setInterval(() => { if (!document.hidden && !under) look(); }, every);
})();
